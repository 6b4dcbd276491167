"""Changes need a password that was given within ten minutes; nothing typed is lost but secrets."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.forms import PasswordInput
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter

from integrations.models import ApiKey, AuditEvent, ClientVersion, Integration, Project
from portal import confirmation
from tests.integrations.admin.pages import integration_form, project_form, url

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery-44"


class Hidden(HTMLParser):
    """The hidden fields of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden":
            self.fields.setdefault(found["name"], []).append(found.get("value") or "")


@pytest.fixture
def vera(db: None) -> User:
    return User.objects.create_superuser("vera", password=PASSWORD)


@pytest.fixture
def client(vera: User) -> Client:
    """Vera, who signed in a while ago."""
    client = Client()
    client.force_login(vera)
    age(client, 601)
    return client


def age(client: Client, seconds: int) -> None:
    """Let the session's stamp be this old."""
    session = client.session
    at, known = session[confirmation.STAMP]
    session[confirmation.STAMP] = [at - seconds, known]
    session.save()


def again(client: Client, page: str, asked: Any, password: str = PASSWORD) -> Any:
    """Fill in the page that asks."""
    carried = Hidden(asked.content.decode()).fields
    return client.post(page, {**carried, confirmation.FIELD: password})


def is_secret(field: Any) -> bool:
    return isinstance(field.widget, PasswordInput)


def asks(answer: Any) -> bool:
    return answer.status_code == 403 and "Confirm it is you" in answer.content.decode()


def test_looking_needs_no_confirmation(client: Client, project: Project) -> None:
    assert client.get(url("project_change", project.pk)).status_code == 200


def changes(project: Project, gmail: Integration) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a change of each kind: page and form."""
    change = url("project_change", project.pk)
    key = project.signing_keys.get()
    more = {"allowed_origins-TOTAL_FORMS": 2, "allowed_origins-1-origin": "https://evil.example"}
    back = {"return_urls-0-url": "https://evil.example/back"}
    revoke = url("project_key_revoke", project.pk, "signing-keys", key.pk)
    user = User.objects.get(username="vera")
    return {
        "api key": (url("project_api_key_add", project.pk), {"name": "Backend"}),
        "signing key": (url("project_signing_key_add", project.pk), {"alg": "RS256"}),
        "revocation": (revoke, {}),
        "key set": (url("project_key_set", project.pk), {"url": "https://evil.example/jwks"}),
        "origin": (change, project_form(project, **more)),
        "return url": (change, project_form(project, **back)),
        "kill switch": (change, project_form(project, is_active=None)),
        "policy": (
            url("integration_change", gmail.pk),
            integration_form(gmail, account_types=["default"]),
        ),
        "secret": (
            url("integration_change", gmail.pk),
            integration_form(gmail, client_id="evil", client_secret="evil-secret"),
        ),
        "new project": (url("project_add"), {"name": "Evil"}),
        "staff": (reverse("admin:auth_user_add"), {"username": "evil"}),
        "password": (
            reverse("admin:auth_user_password_change", args=[user.pk]),
            {"password1": "evil-evil-99", "password2": "evil-evil-99"},
        ),
        "own password": (
            reverse("admin:password_change"),
            {"old_password": PASSWORD, "new_password1": "evil-99-evil"},
        ),
    }


KINDS = (
    "api key", "signing key", "revocation", "key set", "origin", "return url", "kill switch",
    "policy", "secret", "new project", "staff", "password", "own password",
)  # fmt: skip


def state() -> list[Any]:
    kept = (Project, Integration, ApiKey, ClientVersion, AuditEvent, User)
    return [
        list(model._default_manager.order_by("pk").values_list("pk", flat=True)) for model in kept
    ] + [list(Project.objects.values_list("name", "is_active")), User.objects.get().password]


def test_every_kind_of_change_is_tried(
    client: Client, project: Project, gmail: Integration
) -> None:
    assert tuple(changes(project, gmail)) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_changed_without_it(
    client: Client, project: Project, gmail: Integration, kind: str
) -> None:
    page, form = changes(project, gmail)[kind]
    before = state()
    assert asks(client.post(page, form))
    assert state() == before
    assert list(project.allowed_origins.values_list("origin", flat=True)) == [
        "http://acme.localhost:8001"
    ]


def test_what_was_typed_goes_on_after_the_password(client: Client, project: Project) -> None:
    page = url("project_api_key_add", project.pk)
    answer = again(client, page, client.post(page, {"name": 'Back"end <b>'}))
    assert answer.status_code == 200
    assert ApiKey.objects.get().name == 'Back"end <b>'


def test_several_values_of_one_field_go_on(client: Client, gmail: Integration) -> None:
    page = url("integration_change", gmail.pk)
    form = integration_form(gmail, description="New words")
    assert len(form["account_types"]) == 2
    assert again(client, page, client.post(page, form)).status_code == 302
    gmail.refresh_from_db()
    assert (gmail.description, len(gmail.account_types)) == ("New words", 2)


@pytest.mark.parametrize("stopped", ["on", None])
def test_the_emergency_switch_goes_on_as_it_was_set(
    client: Client, project: Project, stopped: str | None
) -> None:
    Project.objects.update(tokens_stopped=stopped is None)
    page = url("project_change", project.pk)
    form = project_form(project, tokens_stopped=stopped)
    assert again(client, page, client.post(page, form)).status_code == 302
    project.refresh_from_db()
    assert project.tokens_stopped is (stopped == "on")


def test_switching_a_password_off_goes_on(client: Client) -> None:
    left = User.objects.create_user("left", password=PASSWORD)
    page = reverse("admin:auth_user_password_change", args=[left.pk])
    asked = client.post(page, {"usable_password": "false", "unset-password": "Disable"})
    assert again(client, page, asked).status_code == 302
    left.refresh_from_db()
    assert not left.has_usable_password()


def test_every_switch_and_day_of_a_form_is_carried(client: Client, gmail: Integration) -> None:
    pages = [url("project_change", gmail.project_id), url("integration_change", gmail.pk)]
    for page in pages:
        form = client.get(page).context["adminform"].form
        secret = {name for name, field in form.fields.items() if is_secret(field)}
        dropped = client.post(page, dict.fromkeys(form.fields, "1")).context["fields"]
        assert {value for name, value in dropped if name == confirmation.DROPPED} == secret


def test_for_ten_minutes_it_does_not_ask_again(client: Client, project: Project) -> None:
    page = url("project_api_key_add", project.pk)
    again(client, page, client.post(page, {"name": "one"}))
    age(client, 598)
    assert client.post(page, {"name": "two"}).status_code == 200
    age(client, 3)
    assert asks(client.post(page, {"name": "three"}))
    assert ApiKey.objects.count() == 2


def test_a_stamp_from_the_future_is_none(client: Client, project: Project) -> None:
    age(client, -100_000)
    assert asks(client.post(url("project_api_key_add", project.pk), {"name": "one"}))


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " "])
def test_a_wrong_password_changes_nothing(client: Client, project: Project, password: str) -> None:
    page = url("project_api_key_add", project.pk)
    answer = again(client, page, client.post(page, {"name": "one"}), password)
    assert asks(answer)
    assert "This is not your password" in answer.content.decode()
    assert 'value="one"' in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_guessing_is_locked_out_and_not_even_the_right_one_helps(
    client: Client, project: Project
) -> None:
    page = url("project_api_key_add", project.pk)
    for number in range(5):
        answer = client.post(page, {"name": "x", confirmation.FIELD: f"guess-{number}"})
    assert answer.status_code == 429
    assert "Signing in is paused" in answer.content.decode()
    assert client.post(page, {"name": "x", confirmation.FIELD: PASSWORD}).status_code == 429
    assert not ApiKey.objects.exists()
    assert "guess-" not in str(AccessAttempt.objects.values())


def test_a_report_of_an_error_does_not_hold_the_password(client: Client, project: Project) -> None:
    page = url("project_api_key_add", project.pk)
    asked = client.post(page, {"name": "x", confirmation.FIELD: "canary-guess-79"}).wsgi_request
    shown = SafeExceptionReporterFilter().get_post_parameters(asked)
    assert confirmation.FIELD in shown
    assert "canary-guess-79" not in str(shown)


def test_the_password_of_somebody_else_does_not_count(client: Client, project: Project) -> None:
    User.objects.create_superuser("eve", password="password-of-eve-1")
    page = url("project_api_key_add", project.pk)
    form = {"name": "x", "username": "eve", confirmation.FIELD: "password-of-eve-1"}
    assert asks(client.post(page, form))
    assert not ApiKey.objects.exists()


def test_no_secret_is_carried_and_none_is_lost_unnoticed(
    client: Client, gmail: Integration
) -> None:
    page = url("integration_change", gmail.pk)
    form = integration_form(gmail, client_id="new-id", client_secret="canary-secret-1")
    asked = client.post(page, form)
    shown = asked.content.decode()
    assert "canary-secret-1" not in shown
    assert "You will be asked for them once more" in shown
    form_again = again(client, page, asked)
    shown = form_again.content.decode()
    assert form_again.status_code == 200
    assert "Enter this again: secrets are not kept meanwhile." in shown
    assert 'value="new-id"' in shown
    assert not ClientVersion.objects.exists()
    done = client.post(page, form)
    assert done.status_code == 302
    assert ClientVersion.objects.get().client_id == "new-id"


def test_a_secret_is_asked_for_again_also_after_a_wrong_password(
    client: Client, gmail: Integration
) -> None:
    page = url("integration_change", gmail.pk)
    asked = client.post(page, integration_form(gmail, client_id="id", client_secret="canary-2"))
    wrong = again(client, page, asked, "wrong")
    answer = again(client, page, wrong)
    assert "Enter this again" in answer.content.decode()
    assert not ClientVersion.objects.exists()


def test_a_pasted_private_key_is_not_shown_again(client: Client, project: Project) -> None:
    page = url("project_signing_key_add", project.pk)
    asked = client.post(page, {"alg": "ES256", "kid": "mine", "public_key": "CANARY-PEM"})
    assert "CANARY-PEM" not in asked.content.decode()
    shown = again(client, page, asked).content.decode()
    assert 'value="mine"' in shown
    assert "This field is required" in shown


def test_the_stamp_ends_with_a_change_of_the_password(
    client: Client, vera: User, project: Project
) -> None:
    page = url("project_api_key_add", project.pk)
    age(client, -601)
    assert client.post(page, {"name": "one"}).status_code == 200
    vera.set_password("another-one-55")
    vera.save()
    # As Django's own page for changing one's password does: the session goes on.
    session = client.session
    session["_auth_user_hash"] = vera.get_session_auth_hash()
    session.save()
    assert asks(client.post(page, {"name": "two"}))


def test_the_stamp_belongs_to_its_session(client: Client, vera: User, project: Project) -> None:
    stranger = Client()
    stranger.force_login(vera)
    age(stranger, 700)
    age(client, -601)
    page = url("project_api_key_add", project.pk)
    assert client.post(page, {"name": "one"}).status_code == 200
    assert asks(stranger.post(page, {"name": "two"}))


def test_a_session_without_a_stamp_must_confirm(client: Client, project: Project) -> None:
    session = client.session
    del session[confirmation.STAMP]
    session.save()
    assert asks(client.post(url("project_api_key_add", project.pk), {"name": "one"}))


def test_leaving_needs_no_password(client: Client) -> None:
    answer = client.post(reverse("admin:logout"))
    assert answer.status_code == 200
    assert not client.session.keys()


def test_the_form_s_token_is_still_needed(vera: User, project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(vera)
    age(client, 700)
    form = {"name": "x", confirmation.FIELD: PASSWORD}
    answer = client.post(url("project_api_key_add", project.pk), form)
    assert answer.status_code == 403
    assert not asks(answer)
    assert client.session[confirmation.STAMP][0] > 0
    assert not ApiKey.objects.exists()
