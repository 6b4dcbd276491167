"""Signing keys are checked before they are trusted; API keys are shown once."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from django.test import Client

from integrations.models import ApiKey, AuditEvent, Project, SigningKey
from integrations.secret import digest
from tests.factories import make_project, pem, private_key, private_pem
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db
SHOWN = re.compile(rb'value="(cp_live_[^"]+)"')
GOOD = {alg: pem(private_key(alg, 7)) for alg in ("RS256", "ES256", "EdDSA")}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
PKCS1 = (
    private_key("RS256", 7)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    .decode()
)


def add(client: Client, project: Project, alg: str, key: str, kid: str = "") -> str:
    form = {"alg": alg, "kid": kid, "public_key": key}
    answer = client.post(url("project_signing_key_add", project.pk), form)
    return "" if answer.status_code == 302 else answer.content.decode()


def names(project: Project) -> list[str]:
    return list(
        AuditEvent.objects.filter(project=project)
        .order_by("sequence")
        .values_list("action", flat=True)
    )


@pytest.mark.parametrize("alg", GOOD)
def test_a_good_public_key_is_added(admin_client: Client, project: Project, alg: str) -> None:
    assert add(admin_client, project, alg, f"\n{GOOD[alg]}\n", "backend-1") == ""
    row = SigningKey.objects.get(project=project, kid="backend-1")
    assert (row.alg, row.public_key) == (alg, GOOD[alg])
    assert names(project)[-1] == "signing_key.added"


def test_an_older_form_of_rsa_key_is_kept_in_the_usual_form(
    admin_client: Client, project: Project
) -> None:
    assert add(admin_client, project, "RS256", PKCS1, "old-form") == ""
    assert SigningKey.objects.get(kid="old-form").public_key == GOOD["RS256"]


def test_a_key_id_is_made_from_the_key(admin_client: Client, project: Project) -> None:
    assert add(admin_client, project, "RS256", GOOD["RS256"]) == ""
    assert SigningKey.objects.filter(project=project, kid__regex="^[0-9a-f]{16}$").exists()


WRONG = {
    "RSA of 1024 bits": (
        "RS256",
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "2048",
    ),
    "EC key as RS256": ("RS256", GOOD["ES256"], "RSA key"),
    "RSA key as ES256": ("ES256", GOOD["RS256"], "P-256"),
    "wrong curve": ("ES256", pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
    "EC key as EdDSA": ("EdDSA", GOOD["ES256"], "Ed25519"),
    "Ed448 as EdDSA": ("EdDSA", pem(ed448.Ed448PrivateKey.generate()), "Ed25519"),
    "no PEM": ("RS256", "ssh-rsa AAAAB3Nza", "PEM form"),
    "broken PEM": ("RS256", GOOD["RS256"].replace("A", "B"), "PEM form"),
    "empty": ("RS256", "   ", "PEM form"),
    "certificate": ("RS256", CERTIFICATE, "certificate"),
    "endless": ("RS256", GOOD["RS256"] * 40, "longer than any"),
    "other algorithm": ("HS256", GOOD["RS256"], "valid choice"),
}


@pytest.mark.parametrize(("alg", "key", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_key_is_refused_with_the_reason(
    admin_client: Client, project: Project, alg: str, key: str, words: str
) -> None:
    before = names(project)
    assert words in add(admin_client, project, alg, key, "wrong")
    assert not SigningKey.objects.filter(kid="wrong").exists()
    assert names(project) == before


@pytest.mark.parametrize(
    "key", [private_key("RS256", 7), private_key("ES256", 7), ed25519.Ed25519PrivateKey.generate()]
)
def test_a_private_key_is_refused_and_not_shown_again(
    admin_client: Client, project: Project, key: object
) -> None:
    text = private_pem(key)
    shown = add(admin_client, project, "RS256", text, "oops")
    assert "This is a private key" in shown
    assert text.splitlines()[1] not in shown
    assert 'name="kid" value="oops"' in shown
    assert not SigningKey.objects.filter(kid="oops").exists()


@pytest.mark.parametrize("kid", ['a"b', "two words", "ключ", "a" * 65])
def test_a_bad_key_id_is_refused(admin_client: Client, project: Project, kid: str) -> None:
    assert add(admin_client, project, "RS256", GOOD["RS256"], kid) != ""
    assert SigningKey.objects.filter(project=project).count() == 1


def test_a_key_id_is_used_once(admin_client: Client, project: Project) -> None:
    assert "already has a key" in add(admin_client, project, "ES256", GOOD["ES256"], "test-key")


def test_an_api_key_is_shown_once_and_kept_as_a_digest(
    admin_client: Client, project: Project
) -> None:
    answer = admin_client.post(url("project_api_key_add", project.pk), {"name": "Backend"})
    found = SHOWN.search(answer.content)
    assert found
    key = found[1].decode()
    row = ApiKey.objects.get(project=project)
    assert (row.name, row.prefix, row.key_hash) == ("Backend", key[:12], digest(key))
    assert "no-store" in answer["Cache-Control"]
    later = admin_client.get(url("project_change", project.pk)).content.decode()
    assert row.prefix in later
    assert key not in later
    assert names(project)[-1] == "api_key.created"


def test_looking_at_the_page_makes_no_key(admin_client: Client, project: Project) -> None:
    assert admin_client.get(url("project_api_key_add", project.pk)).status_code == 200
    assert not ApiKey.objects.exists()


def test_an_api_key_needs_a_name(admin_client: Client, project: Project) -> None:
    answer = admin_client.post(url("project_api_key_add", project.pk), {"name": ""})
    assert b"This field is required" in answer.content
    assert not ApiKey.objects.exists()


def test_a_key_cannot_be_made_without_the_token_of_the_form(project: Project) -> None:
    from django.contrib.auth.models import User

    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("vera"))
    answer = client.post(url("project_api_key_add", project.pk), {"name": "Backend"})
    assert answer.status_code == 403
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("kind", ["api-keys", "signing-keys"])
def test_revoking_asks_first_and_is_recorded(
    admin_client: Client, project: Project, kind: str
) -> None:
    key = _key(admin_client, project, kind)
    page = url("project_key_revoke", project.pk, kind, key.pk)
    assert b"cannot be undone" in admin_client.get(page).content
    key.refresh_from_db()
    assert key.revoked_at is None
    assert admin_client.post(page).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert names(project)[-1] == kind.replace("-keys", "_key.revoked")


def test_revoking_twice_changes_nothing(admin_client: Client, project: Project) -> None:
    key = _key(admin_client, project, "signing-keys")
    page = url("project_key_revoke", project.pk, "signing-keys", key.pk)
    admin_client.post(page)
    key.refresh_from_db()
    first, events = key.revoked_at, names(project)
    admin_client.post(page)
    key.refresh_from_db()
    assert (key.revoked_at, names(project)) == (first, events)


def test_a_key_of_another_project_is_not_found(admin_client: Client, project: Project) -> None:
    other = make_project("Other", which=3)
    key = other.signing_keys.get()
    page = url("project_key_revoke", project.pk, "signing-keys", key.pk)
    assert admin_client.post(page).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize(
    ("kind", "pk"), [("other-keys", "1"), ("api-keys", "1"), ("signing-keys", "x")]
)
def test_an_unknown_key_is_not_found(
    admin_client: Client, project: Project, kind: str, pk: str
) -> None:
    assert admin_client.post(url("project_key_revoke", project.pk, kind, pk)).status_code == 404


def test_a_viewer_neither_makes_nor_revokes_keys(viewer_client: Client, project: Project) -> None:
    key = project.signing_keys.get()
    pages = [
        url("project_api_key_add", project.pk),
        url("project_signing_key_add", project.pk),
        url("project_key_revoke", project.pk, "signing-keys", key.pk),
    ]
    assert [viewer_client.post(page).status_code for page in pages] == [403, 403, 403]
    key.refresh_from_db()
    assert key.revoked_at is None


def _key(client: Client, project: Project, kind: str) -> ApiKey | SigningKey:
    if kind == "signing-keys":
        return project.signing_keys.get()
    client.post(url("project_api_key_add", project.pk), {"name": "Backend"})
    return project.api_keys.get()
