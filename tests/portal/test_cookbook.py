"""The cookbook: its Python and Node snippets mint tokens that the portal takes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.conf import settings

from integrations.errors import SessionInvalid
from portal import visitors
from tests import factories
from tests.npm import node

ROOT = Path(__file__).resolve().parents[2]
COOKBOOK = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
LANGUAGES = ("python", "js", "go", "ruby", "php", "java")
SNIPPETS = dict(re.findall(r"```(\w+)\n(.*?)```", COOKBOOK, re.DOTALL))
PERSON = {"user_id": 42, "name": "Dana Reyes", "email": "dana@northwind.example"}
RUN = """
import { userToken } from "./mint.mjs";
console.log(await userToken(JSON.parse(process.argv[2])));
"""


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Let npm fetch the library, once: it is another process, and pinned by its lock file."""


def pem() -> str:
    """Return the private key that the factories' projects trust."""
    return factories.private_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()  # fmt: skip


def by_python(given: dict[str, Any]) -> str:
    """Mint a token by the snippet in Python."""
    said: dict[str, Any] = {}
    exec(SNIPPETS["python"], said)
    return str(said["user_token"](**given))


def by_node(given: dict[str, Any]) -> str:
    """Mint a token by the snippet for Node."""
    program = node.installed() / "node"
    folder = node.FOLDER / "cookbook"
    folder.mkdir(exist_ok=True)
    (folder / "mint.mjs").write_text(SNIPPETS["js"], encoding="utf-8")
    (folder / "run.mjs").write_text(RUN, encoding="utf-8")
    named = {re.sub(r"_(\w)", lambda m: m[1].upper(), key): value for key, value in given.items()}
    done = subprocess.run(
        [str(program), "run.mjs", json.dumps(named)],
        cwd=folder, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


MINTS: list[Callable[[dict[str, Any]], str]] = [by_python, by_node]


def given(project: Any, **changed: Any) -> dict[str, Any]:
    """Return what a snippet takes."""
    usual = {
        "portal": settings.BASE_URL,
        "project": str(project.pk),
        "kid": factories.KID,
        "private_key": pem(),
    }
    return {**usual, **PERSON, **changed}


@pytest.mark.django_db
@pytest.mark.parametrize("mint", MINTS)
def test_the_portal_takes_what_a_snippet_mints(mint: Callable[[dict[str, Any]], str]) -> None:
    project = factories.make_project()
    token = mint(given(project))
    found = visitors.visitor(project=project, user_token=token).end_user
    assert (found.external_id, found.name, found.email) == ("42", PERSON["name"], PERSON["email"])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.django_db
@pytest.mark.parametrize("mint", MINTS)
@pytest.mark.parametrize(
    "changed", [{"portal": "https://elsewhere.example"}, {"kid": "another"}, {"user_id": ""}]
)
def test_a_wrong_setting_is_refused(
    mint: Callable[[dict[str, Any]], str], changed: dict[str, Any]
) -> None:
    project = factories.make_project()
    with pytest.raises(SessionInvalid):
        visitors.visitor(project=project, user_token=mint(given(project, **changed)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_claims_and_the_key_s_id(language: str) -> None:
    code = SNIPPETS[language]
    assert "RS256" in code
    assert re.search(r"kid|keyID", code)
    for claim, other in (
        ("iss", "Issuer"), ("aud", "Audience"), ("sub", "Subject"),
        ("exp", "ExpirationTime"), ("iat", "IssuedAt"), ("name", "name"), ("email", "email"),
    ):  # fmt: skip
        words = (
            claim,
            other,
            other[0].lower() + other[1:],
            "issueTime" if claim == "iat" else claim,
        )
        assert any(word in code for word in words), claim


@pytest.mark.parametrize("text", [COOKBOOK, (ROOT / "docs" / "react.md").read_text("utf-8")])
def test_links_to_files_lead_somewhere(text: str) -> None:
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", prose):
        assert (ROOT / "docs" / target).exists(), target


def test_the_magic_client_ids_are_those_of_the_provider() -> None:
    known = (ROOT / "tests" / "fakeas" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(fake_\w+)`", COOKBOOK))
    assert len(named) >= 3
    assert all(f"`{each}`" in known for each in named)
