"""Row 49, and 5 and 12 for providers that a project describes: lies, and moved endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.arena import Arena
from tests.attacks.prepare import PASSWORD
from tests.attacks.visit import Visit, somebody

DESCRIBE = "/admin/integrations/integration/describe/"
COUNT = "SELECT count(*) FROM integrations_integration"


@pytest.fixture
def admin(arena: Arena) -> Visit:
    """Somebody who may change the project's integrations."""
    person = somebody(arena)
    sign_in = f"{arena.url}/admin/login/"
    fields = {"username": "owner", "password": PASSWORD, "next": "/admin/"}
    fields["csrfmiddlewaretoken"] = token(person, sign_in)
    assert person.browser.post(sign_in, fields, Origin=arena.url).status == 302
    return person


def token(person: Visit, address: str) -> str:
    return person.browser.get(address).page.fields["csrfmiddlewaretoken"]


def sent(person: Visit, path: str, fields: dict[str, Any]) -> Any:
    """Post a form of the admin."""
    address = f"{person.arena.url}{path}"
    csrf = {"csrfmiddlewaretoken": token(person, address)}
    return person.browser.post(address, {**fields, **csrf}, Origin=person.arena.url)


def described(person: Visit, **changed: str) -> Any:
    """Have an issuer read; return the page that shows what would be kept, or the form again."""
    arena = person.arena
    form = {
        "project": arena.mine.project,
        "name": "Acme ID",
        "slug": "acme-id",
        "issuer": f"{arena.provider.url}/demo-mail",
        **changed,
    }
    return sent(person, DESCRIBE, form)


def kept(person: Visit, page: Any, path: str = DESCRIBE, **fields: Any) -> str:
    """Keep what the page shows; return where the answer leads, or nothing."""
    reply = sent(person, path, {"reviewed": page.fields["reviewed"], **fields})
    return reply["location"] if reply.status == 302 else ""


LIES = {
    "issuer with a slash": lambda url: {"issuer": f"{url}/demo-mail/"},
    "issuer in capitals": lambda url: {"issuer": f"{url}/Demo-Mail"},
    "issuer at another port": lambda url: {"issuer": "http://127.0.0.1:1/demo-mail"},
    "issuer of another": lambda url: {"issuer": "https://accounts.google.com"},
    "issuer in a list": lambda url: {"issuer": [f"{url}/demo-mail"]},
    "plain token endpoint": lambda url: {"token_endpoint": "http://id.acme.example/token"},
    "metadata address": lambda url: {"token_endpoint": "https://169.254.169.254/token"},
    "address in disguise": lambda url: {"token_endpoint": "https://2130706433/token"},
    "local name": lambda url: {"userinfo_endpoint": "https://vault.internal/me"},
    "script": lambda url: {"authorization_endpoint": "javascript:alert(1)"},
    "template": lambda url: {"token_endpoint": "https://{subdomain}.acme.example/token"},
    "fixed parameter": lambda url: {"authorization_endpoint": f"{url}/a?redirect_uri=evil"},
    "no code flow": lambda url: {"response_types_supported": ["token"]},
    "public client": lambda url: {"token_endpoint_auth_methods_supported": ["none"]},
}


@pytest.mark.row(49)
@pytest.mark.parametrize("lie", LIES)
def test_a_document_that_lies_becomes_no_provider(arena, admin, lie):
    said = LIES[lie](arena.provider.url)
    arena.provider.configure(profile="demo-mail", metadata_set=said)
    with arena.repelled(calls={"demo-mail.metadata": 1}):
        reply = described(admin)
    assert "reviewed" not in reply.page.fields
    assert "errorlist" in reply.text


@pytest.mark.row(49)
@pytest.mark.parametrize("fault", ["redirect", "html", "huge", "deep"])
def test_a_document_that_leads_away_or_cannot_be_read_becomes_no_provider(arena, admin, fault):
    away = {"metadata_redirect": {"to": f"{arena.provider.url}/canary", "status": 302}}
    arena.provider.configure(
        profile="demo-mail", **(away if fault == "redirect" else {"metadata_body": fault})
    )
    asked = 1 if fault == "html" else 2
    with arena.repelled(calls={"demo-mail.metadata": asked}):
        assert "reviewed" not in described(admin).page.fields


@pytest.mark.row(49)
def test_a_host_that_nobody_confirmed_is_not_kept(arena, admin):
    elsewhere = arena.provider.url.replace("127.0.0.1", "localhost")
    said = {"userinfo_endpoint": f"{elsewhere}/me"}
    arena.provider.configure(profile="demo-mail", metadata_set=said)
    with arena.repelled(calls={"demo-mail.metadata": 1}):
        page = described(admin).page
        for fields in ({}, {"confirmed": "evil.example"}, {"confirmed": "127.0.0.1"}):
            assert kept(admin, page, **fields) == ""


@pytest.mark.row(49)
def test_nothing_is_kept_but_what_was_shown(arena, admin):
    with arena.repelled(calls={"demo-mail.metadata": 1}):
        page = described(admin).page
        for change in (lambda text: text[:-1], lambda text: f"{text}a", lambda text: "e30:a:b"):
            reviewed = {"reviewed": change(page.fields["reviewed"])}
            sent(admin, DESCRIBE, reviewed)


@pytest.fixture
def provider_page(arena: Arena, admin: Visit) -> Any:
    """The page of a provider that a project described, switched on honestly; gone afterwards."""
    change = kept(admin, described(admin, slug=f"id-{admin.sub}").page)
    pk = change.rstrip("/").split("/")[-2]
    yield f"/admin/integrations/integration/{pk}/provider/"
    arena.change(
        "UPDATE integrations_integration SET is_active = 0 WHERE id = ?", pk.replace("-", "")
    )


def connected(arena: Arena, admin: Visit) -> Visit:
    """Return somebody who is connected there with a client of their own."""
    dana = somebody(arena)
    dana.open(f"id-{admin.sub}")
    dana.enter()
    dana.connect()
    return dana


def moved(arena: Arena, admin: Visit, path: str) -> None:
    """Move the provider's endpoints to a canary, as a hostile admin of the project would."""
    canary = f"{arena.provider.url}/canary"
    names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
    form = {name: f"{canary}/{name}" for name in (*names, "userinfo_endpoint")}
    page = sent(admin, path, {"name": "Acme ID", **form}).page
    assert kept(admin, page, path) != ""


@pytest.mark.row(5)
@pytest.mark.row(12)
@pytest.mark.row(49)
def test_a_grant_and_its_secret_do_not_follow_a_moved_provider(arena, admin, provider_page):
    dana = connected(arena, admin)
    ((pk,),) = [(each["id"],) for each in dana.connections()]
    moved(arena, admin, provider_page)
    renew = {"seen_generation": 1}
    key = f"Bearer {arena.mine.api_key}"
    reply = arena.api("POST", f"connections/{pk}/access-token", key, renew)
    arena.answers.remove(reply)
    assert (reply.status, reply.data["generation"]) == (200, 2)
    assert arena.provider.requests("other") == []


@pytest.mark.row(12)
@pytest.mark.row(49)
def test_a_kept_secret_does_not_follow_a_moved_provider(arena, admin, provider_page):
    dana = connected(arena, admin)
    moved(arena, admin, provider_page)
    dana.open(f"id-{admin.sub}")
    shown = dana.page.form("/portal/options").submitted
    reply = dana.post("/portal/options", {**shown, "client_secret": ""})
    assert reply.status == 422
    assert dana.start() == ""
    assert arena.provider.requests("other") == []


@pytest.mark.row(5)
@pytest.mark.row(49)
def test_a_code_under_way_does_not_follow_a_moved_provider(arena, admin, provider_page):
    dana = somebody(arena)
    dana.open(f"id-{admin.sub}")
    dana.enter()
    dana.start()
    back = dana.answer()
    moved(arena, admin, provider_page)
    with arena.repelled("flow.failed settings_changed low"):
        dana.come_back(back)
    assert arena.provider.requests("other") == []
