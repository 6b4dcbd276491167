"""user_token: what the vendor's backend would sign, and nothing it could not."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from integrations.models import Project, SigningKey
from tests.factories import KID, make_project, pem, private_key, private_pem
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return written(tmp_path, private_pem(private_key("RS256", 0)))


def written(folder: Path, text: str) -> Path:
    path = folder / "private.pem"
    path.write_text(text)
    return path


def test_the_token_has_the_claims_of_the_contract(run: Run, project: Project, key: Path) -> None:
    data = run(
        "user_token", "Acme CRM", "dana", key=key, org="globex", org_admin=True,
        name="Dana", email="dana@globex.test", json=True,
    )  # fmt: skip
    audience = f"http://localhost:8000/p/{project.pk}"
    claims = jwt.decode(data["token"], pem(private_key("RS256", 0)), ["RS256"], audience=audience)
    assert claims.pop("exp") - claims.pop("iat") == 3600
    assert claims == {
        "iss": str(project.pk),
        "aud": audience,
        "sub": "dana",
        "org": "globex",
        "org_admin": True,
        "name": "Dana",
        "email": "dana@globex.test",
    }
    assert jwt.get_unverified_header(data["token"])["kid"] == data["kid"] == KID


def test_only_the_token_is_printed(run: Run, project: Project, key: Path) -> None:
    shown = run("user_token", str(project.pk), "dana", key=key)
    assert len(shown.split()) == 1
    claims = jwt.decode(shown.strip(), options={"verify_signature": False})
    assert not {"org", "org_admin", "name", "email"} & set(claims)


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_other_algorithms_work(run: Run, tmp_path: Path, alg: str) -> None:
    project = make_project(alg=alg, which=4)
    path = written(tmp_path, private_pem(private_key(alg, 4)))
    data = run("user_token", str(project.pk), "dana", key=path, json=True)
    assert jwt.get_unverified_header(data["token"])["alg"] == alg


def test_the_key_id_can_be_chosen_among_those_that_fit(
    run: Run, project: Project, key: Path
) -> None:
    SigningKey.objects.create(
        project=project, kid="second", alg="RS256", public_key=pem(private_key("RS256", 0))
    )
    data = run("user_token", "Acme CRM", "dana", key=key, kid="second", json=True)
    assert data["kid"] == "second"


def test_a_key_the_project_does_not_know_is_refused(
    run: Run, project: Project, tmp_path: Path
) -> None:
    path = written(tmp_path, private_pem(private_key("RS256", 5)))
    with pytest.raises(CommandError, match="no active signing key that fits"):
        run("user_token", "Acme CRM", "dana", key=path)


def test_a_key_id_of_another_key_is_refused(run: Run, project: Project, key: Path) -> None:
    with pytest.raises(CommandError, match="and the id 'other'"):
        run("user_token", "Acme CRM", "dana", key=key, kid="other")


def test_a_revoked_key_signs_nothing(run: Run, project: Project, key: Path) -> None:
    project.signing_keys.update(revoked_at=timezone.now())
    with pytest.raises(CommandError, match="no active signing key"):
        run("user_token", "Acme CRM", "dana", key=key)


@pytest.mark.parametrize("text", ["", "not a key", pem(private_key("RS256", 0))])
def test_what_is_no_private_key_is_refused(
    run: Run, project: Project, tmp_path: Path, text: str
) -> None:
    with pytest.raises(CommandError, match="holds no private key"):
        run("user_token", "Acme CRM", "dana", key=written(tmp_path, text))


def test_a_missing_file_is_named(run: Run, project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.pem cannot be read"):
        run("user_token", "Acme CRM", "dana", key=tmp_path / "none.pem")


def test_an_admin_of_no_organization_is_refused(run: Run, project: Project, key: Path) -> None:
    with pytest.raises(CommandError, match="--org-admin needs --org"):
        run("user_token", "Acme CRM", "dana", key=key, org_admin=True)
