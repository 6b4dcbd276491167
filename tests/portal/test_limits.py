"""Every address has a limit or a reason for none; limits hold, and people in a hurry keep going."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver
from ninja.constants import NOT_SET

from integrations import limits as counted
from integrations.limits import ADMIN_LOGIN, ADMIN_NAME, POLL, TABLE
from integrations.models import ClientVersion, PortalSession, RateCount
from portal import limits
from portal.api import api
from portal.urls import urlpatterns
from tests import factories, trips
from tests.portal.api.conftest import Caller, vendor_of
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
ADMIN_LIMITS = {ADMIN_LOGIN.name, ADMIN_NAME.name}


def stated() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each address by name with the names of its limits."""
    for entry in urlpatterns:
        if isinstance(entry, URLPattern):
            yield str(entry.name), names(entry.callback)
        elif str(entry.pattern) == "admin/":
            yield "admin", ()
        else:
            yield from operations(entry)


def operations(resolver: URLResolver) -> Iterator[tuple[str, tuple[str, ...]]]:
    assert str(resolver.pattern) == "api/"
    yield "openapi-json", ()
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                auth = next(
                    found
                    for found in (operation.auth_param, router.auth, [api.auth])
                    if found is not NOT_SET
                )
                callers = [names(caller) for caller in (auth if isinstance(auth, list) else [auth])]
                # Each way of calling must be limited, not just one of them.
                every = tuple(name for caller in callers for name in caller)
                yield f"{operation.methods} {prefix}{path}", every if all(callers) else ()


def names(what: Any) -> tuple[str, ...]:
    return tuple(limit.name for limit in getattr(what, "limits", ()))


def test_every_address_states_its_limits_or_why_it_has_none():
    missing = {name for name, found in stated() if not found} - set(limits.EXEMPT)
    assert not missing
    assert len(list(stated())) > 40


def test_no_exemption_is_left_over():
    assert set(limits.EXEMPT) == {name for name, found in stated() if not found}
    assert all(reason.strip() for reason in limits.EXEMPT.values())


def test_every_limit_is_kept_somewhere():
    used = {name for _, found in stated() for name in found}
    assert used | ADMIN_LIMITS == {limit.name for limit in TABLE}


@pytest.fixture
def connection(project):
    """Dana's connection."""
    (integration,) = project.integrations.all()
    return factories.make_connection(integration, factories.make_end_user(project))


@pytest.fixture
def only(settings):
    """Allow one use an hour of the named limit."""

    def allow(name: str) -> None:
        settings.LIMITS = {name: "1/3600"}
        RateCount.objects.all().delete()

    return allow


def refused(answer: Any) -> bool:
    assert answer.status_code == 429
    assert 3500 <= int(answer["Retry-After"]) <= 3600
    return True


PAGES = {
    "portal/account-type": ("page", {"account_type": "user-configured-oauth"}),
    "portal/create": ("page", {}),
    "portal/aside": ("page", {"act": "guide", "guide_step": "1"}),
    "portal/another-client": ("page", {}),
    "portal/step": ("page", {"to": "options"}),
    "portal/choose": ("page", {}),
    "portal/check": ("page", {}),
    "portal/problem": ("page", {}),
    "portal/flow/status": ("poll", {}),
    "portal/cancel": ("page", {}),
    "portal/manage": ("page", {}),
    "portal/connect": ("page", {"integration": "demo-mail"}),
    "portal/reconnect": ("page", {"connection": "x"}),
    "portal/secret": ("page", {"client": "x"}),
    "portal/owner": ("page", {"owner": "end_user"}),
    "portal/hand-off": ("page", {}),
    "portal/hand-off/end": ("page", {}),
    "portal/promote": ("page", {"client": "x"}),
    "portal/activity": ("page", {"connection": "x"}),
    "portal/disconnect": ("page", {"connection": "x"}),
    "portal/end": ("page", {"closed": "1"}),
    "portal/options": ("save_options", {"client_id": "fake_ok"}),
    "oauth/start": ("start", {}),
}


def test_every_page_is_tried():
    listed = {
        str(entry.pattern)
        for entry in urlpatterns
        if isinstance(entry, URLPattern) and str(entry.pattern).startswith(("portal/", "oauth/s"))
    }
    assert set(PAGES) == listed - {"portal/"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_its_limit(dana, only, path):
    name, fields = PAGES[path]
    only(name)
    use = counted.Use(_limit(name), _subject(name))
    counted.spend(use)
    shown = dana.post(f"/{path}", **fields)
    assert refused(dana.last)
    assert "too often" in shown.text or "not saved yet" in shown.text
    # The page must be able to show itself where the portal is embedded.
    assert factories.ORIGIN in dana.last["Content-Security-Policy"]


def _limit(name: str) -> counted.Limit:
    return next(limit for limit in TABLE if limit.name == name)


def _subject(name: str) -> str:
    session = PortalSession.objects.get()
    by_session = _limit(name).per == "session"
    return str(session.pk) if by_session else f"{session.project_id}:dana"


def test_a_full_page_visit_keeps_its_limit(project, only):
    dana = Visitor(project)
    dana.open(display="page")
    only("page")
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert dana.client.get("/portal/", headers=headers).status_code == 200
    assert refused(dana.client.get("/portal/", headers=headers))


def test_opening_is_limited_by_person(project, only):
    only("open")
    dana, lea = Visitor(project), Visitor(project, sub="lea")
    dana.open()
    assert dana.last.status_code == 200
    dana.open()
    assert refused(dana.last)
    assert factories.ORIGIN in dana.last["Content-Security-Policy"]
    assert PortalSession.objects.count() == 1
    lea.open()
    assert lea.last.status_code == 200


def test_one_person_s_name_in_two_projects_is_two_people(project, only):
    only("open")
    Visitor(project).open()
    other = factories.make_project("Globex", which=1)
    factories.make_integration(other, "demo-mail")
    stranger = Visitor(other)
    stranger.open(user_token=factories.user_token(other, which=1))
    assert stranger.last.status_code == 200


def test_opening_is_limited_by_address(project, only):
    only("open_address")
    Visitor(project).open()
    lea = Visitor(project, sub="lea")
    lea.open()
    assert refused(lea.last)
    ivan = Visitor(project, sub="ivan")
    ivan.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    ivan.open()
    assert ivan.last.status_code == 200


def test_neighbours_of_an_ipv6_network_share_a_limit(project, only):
    only("open_address")
    for number in (1, 2):
        person = Visitor(project, sub=f"person-{number}")
        person.client.defaults["REMOTE_ADDR"] = f"2001:db8::{number}"
        person.open()
    assert refused(person.last)


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_made_up_forwarded_address_does_not_help(project, only, settings, proxies):
    settings.TRUSTED_PROXIES = proxies
    only("open_address")
    for number in range(3):
        person = Visitor(project, sub=f"person-{number}")
        # With one proxy of ours, it alone appends the last address.
        ours = ", 198.51.100.1" if proxies else ""
        person.client.defaults["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}{ours}"
        person.open()
    assert refused(person.last)
    assert PortalSession.objects.count() == 1


def test_refused_user_tokens_are_limited_by_address_but_good_ones_pass(project, only):
    only("failed_credentials")
    dana = Visitor(project)
    dana.open(user_token="not-a-token")
    assert dana.last.status_code == 401
    dana.open(user_token="not-a-token")
    assert refused(dana.last)
    dana.open()
    assert dana.last.status_code == 200


@pytest.mark.parametrize("path", ["/v1/connections", "/v1/me"])
def test_refused_credentials_of_the_api_are_limited_by_address(project, only, path):
    only("failed_credentials")
    stranger = Caller("Bearer nonsense")
    assert stranger("get", path).status_code == 401
    answer = stranger("get", path)
    assert refused(answer)
    assert answer.json()["code"] == "rate_limited"


def test_the_vendor_api_is_limited_by_key_as_a_problem_document(project, only):
    only("vendor_api")
    first, second = vendor_of(project), vendor_of(project)
    assert first("get", "/v1/connections").status_code == 200
    answer = first("get", "/v1/connections")
    assert refused(answer)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "rate_limited"
    assert second("get", "/v1/connections").status_code == 200


def test_a_project_s_own_figure_wins(project):
    project.api_calls_per_minute = 2
    project.save()
    vendor = vendor_of(project)
    statuses = [vendor("get", "/v1/connections").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_access_tokens_are_counted_apart(project, connection, only):
    only("access_tokens")
    vendor = vendor_of(project)
    path = f"/v1/connections/{connection.pk}/access-token"
    assert vendor("post", path).status_code == 200
    assert refused(vendor("post", path))
    assert vendor("get", "/v1/connections").status_code == 200


def test_the_user_api_is_limited_by_person_and_its_pages_may_read_when(project, only):
    only("user_api")
    dana = Caller(f"Bearer {factories.user_token(project)}", Origin=factories.ORIGIN)
    assert dana("get", "/v1/me").status_code == 200
    answer = dana("get", "/v1/me")
    assert refused(answer)
    assert answer["Access-Control-Allow-Origin"] == factories.ORIGIN
    assert "Retry-After" in answer["Access-Control-Expose-Headers"]


def test_asking_by_handle_shares_the_limit_of_the_page(dana, only):
    only("poll")
    dana.status()
    assert dana.last.status_code == 200
    assert refused(Caller(f"CP {dana.handle}")("get", f"/v1/flows/{dana.flow}"))


def test_looking_at_links_is_limited_by_address(only, db):
    only("hosted")
    link = f"/hosted/{'a' * 43}"
    assert Client().get(link).status_code in (401, 404)
    assert refused(Client().get(link))
    assert refused(Client().post(link))


def test_saving_too_often_keeps_what_was_typed_but_the_secret(project, settings):
    settings.LIMITS = {"save_options": "1/3600"}
    dana = trips.prepared(project)
    dana.post("/portal/step", to="options")
    dana.enter()
    dana.post("/portal/step", to="options")
    before = ClientVersion.objects.count()
    page = dana.enter(client_id="typed-id", client_secret="canary-secret")
    assert refused(dana.last)
    assert "What you typed is still here, but the secret." in page.text
    assert page.fields["client_id"] == "typed-id"
    assert "canary-secret" not in page.html
    assert ClientVersion.objects.count() == before
    settings.LIMITS = {}
    assert dana.enter(client_id="typed-id", client_secret="canary-secret")
    assert dana.last.status_code == 200


def test_a_poll_that_is_too_many_goes_on_later(dana, only):
    only("poll")
    dana.start()
    ours = {"HX-Request": "true"}
    dana.post("/portal/flow/status", headers=ours)
    shown = dana.post("/portal/flow/status", headers=ours)
    assert refused(dana.last)
    assert f"delay:{dana.last['Retry-After']}s" in shown.html
    assert dana.flow in shown.html


def test_pages_that_poll_as_ours_do_are_never_limited():
    schedule = [1] * 5 + [2] * 10 + [5] * 7
    assert sum(schedule) >= POLL.seconds
    # Two windows of one visit and the SDK's own asking at the same pace.
    assert 3 * len(schedule) < POLL.count


def extra(dana: Visitor, settings: Any, path: str) -> int:
    """Return how many statements the limits cost."""
    cost = []
    for chosen in ({limit.name: "off" for limit in TABLE}, {}):
        settings.LIMITS = chosen
        with CaptureQueriesContext(database) as queries:
            dana.post(path)
        cost.append(len(queries))
    return cost[1] - cost[0]


@pytest.mark.parametrize("path", ["/portal/flow/status", "/portal/manage"])
def test_a_page_costs_one_statement_more(dana, settings, path):
    dana.post(path)
    assert extra(dana, settings, path) == 1


def test_most_reads_of_an_access_token_cost_none(project, connection):
    vendor = vendor_of(project)
    path = f"/v1/connections/{connection.pk}/access-token"
    counting = []
    for _ in range(12):
        with CaptureQueriesContext(database) as queries:
            assert vendor("post", path).status_code == 200
        counting.append(sum("ratecount" in query["sql"] for query in queries))
    assert counting == [1, *[0] * 9, 1, 0]


def test_the_portal_goes_on_when_nothing_can_be_counted(project, monkeypatch):
    def fail(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(RateCount.objects, "take", fail)
    dana = trips.prepared(project)
    assert dana.start().startswith("http://127.0.0.1")
    assert vendor_of(project)("get", "/v1/connections").status_code == 200
