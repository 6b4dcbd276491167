"""What happens to a flow while somebody or something else changes what it stands on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations import access, choices, clients, connect, tokens
from integrations.clients import ClientConfig
from integrations.errors import FlowClosed, IntegrityBroken, InvalidInput, NotAllowed
from integrations.models import (
    AuditEvent,
    AuthorizationRequest,
    ClientVersion,
    Connection,
    Flow,
    PortalSession,
    SigningKey,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.secret import Secret
from tests import factories
from tests.fakeas import visitor as provider_visitor
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
BOTH = [DEFAULT_ACCOUNT, OWN_CLIENT]


@pytest.fixture
def mail(provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    config = ClientConfig("fake_ok", Secret("fake-secret"), {})
    clients.replace_config(client=clients.vendor_client(mail), config=config, actor="test")
    return mail


@pytest.fixture
def dana(mail):
    person = Visitor(mail.project)
    person.open(account_type=BOTH)
    return person


def loaded(dana):
    """Return the flow as a second request of the same person has it in hand."""
    session = PortalSession.objects.select_related("project", "end_user").get()
    return access.flow_of(who=session, pk=dana.flow)


def test_a_start_in_hand_does_not_take_another_account_type_s_client(dana):
    choices.choose_account_type(flow=loaded(dana), account_type=DEFAULT_ACCOUNT)
    in_hand = loaded(dana)
    choices.choose_account_type(flow=loaded(dana), account_type=OWN_CLIENT)
    with pytest.raises(FlowClosed):
        connect.authorize(flow=in_hand)
    assert not AuthorizationRequest.objects.exists()


def test_a_choice_in_hand_does_not_put_typed_scopes_on_the_vendor_s_client(dana):
    choices.choose_account_type(flow=loaded(dana), account_type=OWN_CLIENT)
    in_hand = loaded(dana)
    choices.choose_account_type(flow=loaded(dana), account_type=DEFAULT_ACCOUNT)
    config = ClientConfig("fake_ok", Secret("fake-secret"), {})
    with pytest.raises(FlowClosed):
        connect.save_options(flow=in_hand, config=config, scope_text="admin.everything")
    assert loaded(dana).scopes == ["openid", "profile", "mail.read"]


def test_nobody_changes_the_vendor_s_client_through_a_flow(dana, mail):
    vendor = clients.vendor_client(mail)
    Flow.objects.update(account_type=OWN_CLIENT, oauth_client=vendor)
    config = ClientConfig("evil", Secret("evil-secret"), {})
    with pytest.raises(NotAllowed):
        connect.save_options(flow=loaded(dana), config=config, scope_text="openid")
    assert ClientVersion.objects.count() == 1


def test_an_answer_for_another_client_of_the_flow_is_not_used(dana, mail, provider):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    back = provider_visitor.approve(dana.start())
    own = clients.draft_client(integration=mail, end_user=factories.make_end_user(mail.project))
    Flow.objects.update(oauth_client=own)
    dana.come_back(back)
    assert dana.current_flow().error_code == "settings_changed"
    assert provider.count("token") == 0


def test_a_revoked_key_s_trip_is_not_saved_by_a_newer_session(dana, mail, provider):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    back = provider_visitor.approve(dana.start())
    SigningKey.objects.update(revoked_at=timezone.now())
    SigningKey.objects.create(
        project=mail.project,
        kid="new",
        alg="ES256",
        public_key=factories.pem(factories.private_key("ES256")),
    )
    newer = PortalSession.objects.get()
    newer.pk, newer.handle_hash = None, "0" * 64
    newer.signing_key = SigningKey.objects.get(kid="new")
    newer.save(force_insert=True)
    Flow.objects.update(session=newer)
    dana.come_back(back)
    assert dana.current_flow().error_code == "session_expired"
    assert provider.count("token") == 0


def test_a_flow_starts_by_the_policy_of_the_moment(dana, mail):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    mail.default_scopes = ["openid"]
    mail.save()
    dana.start()
    assert loaded(dana).scopes == ["openid"]


def test_an_account_type_that_was_withdrawn_does_not_start(dana, mail):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    mail.account_types = [OWN_CLIENT]
    mail.save()
    with pytest.raises(NotAllowed, match="account_type_not_allowed"):
        connect.authorize(flow=loaded(dana))


def test_a_permission_that_was_withdrawn_does_not_start(mail):
    dana = Visitor(mail.project)
    dana.open()
    dana.enter(extra_scopes="contacts.export")
    mail.custom_scopes_allowed = False
    mail.save()
    with pytest.raises(NotAllowed, match="scope_not_allowed"):
        connect.authorize(flow=loaded(dana))


def test_a_flow_left_for_hours_does_not_start(dana):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    Flow.objects.update(updated_at=timezone.now() - timedelta(hours=3))
    with pytest.raises(FlowClosed):
        connect.authorize(flow=loaded(dana))


def test_a_secret_is_not_sent_to_a_host_that_was_written_into_the_database(provider):
    project = factories.make_project()
    desk = factories.make_integration(project, "demo-desk")
    dana = factories.make_end_user(project)
    slot = factories.make_client(desk, dana, settings={"subdomain": "acme"})
    expired = timezone.now() - timedelta(minutes=1)
    connection = factories.make_connection(desk, dana, client=slot, expires_at=expired)
    ClientVersion.objects.update(settings={"subdomain": "evil"})
    with pytest.raises(IntegrityBroken):
        tokens.access_token_for(connection)
    assert provider.count("token") == 0
    assert AuditEvent.objects.filter(action="seal.broken").count() == 1


def test_a_broken_secret_does_not_keep_others_from_being_refreshed(provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    soon = timezone.now() + timedelta(seconds=40)
    for name in ("dana", "bob"):
        user = factories.make_end_user(project, name)
        factories.make_connection(mail, user, expires_at=soon)
    first, second = ClientVersion.objects.order_by("pk")
    ClientVersion.objects.filter(pk=first.pk).update(client_secret=second.client_secret)
    assert tokens.refresh_due(per_host=1)["failed"] == 2
    assert AuditEvent.objects.filter(action="seal.broken").count() == 1
    assert provider.count("token") == 1


def test_an_unforeseen_failure_ends_the_flow(dana, monkeypatch):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    back = provider_visitor.approve(dana.start())
    monkeypatch.setattr("integrations.grants.keep", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dana.come_back(back)
    assert dana.current_flow().error_code == "internal_error"
    assert AuthorizationRequest.objects.get().code_verifier is None


def test_a_provider_s_words_are_kept_whatever_they_hold(dana, provider):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    provider.configure(
        profile="demo-mail",
        identity_body='{"sub": "a\\u0000b", "email": "x\\ud83d@example.test"}',
    )
    dana.approve()
    connection = Connection.objects.get()
    assert (connection.account_id, connection.account_label) == ("a\ufffdb", "x\ufffd@example.test")


def test_cancelling_is_recorded(dana):
    dana.post("/portal/cancel")
    assert AuditEvent.objects.filter(action="flow.cancelled", object_id=dana.flow).count() == 1


def test_a_flow_that_timed_out_is_recorded(dana):
    dana.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    dana.start()
    Flow.objects.update(updated_at=timezone.now() - timedelta(minutes=11))
    dana.status()
    event = AuditEvent.objects.get(action="flow.failed")
    assert event.data == {"code": "consent_timeout"}


def test_a_client_saved_again_after_its_endpoints_changed_is_a_new_version(mail):
    slot = factories.make_client(mail, factories.make_end_user(mail.project))
    ClientVersion.objects.filter(oauth_client=slot).update(config_hash="0" * 64)
    slot.refresh_from_db()
    kept = ClientConfig("fake_ok", None, {})
    with pytest.raises(InvalidInput):
        clients.replace_config(client=slot, config=kept, actor="test")
    again = ClientConfig("fake_ok", Secret("fake-secret"), {})
    assert clients.replace_config(client=slot, config=again, actor="test").version.number == 2


def test_the_demo_does_not_touch_a_portal_on_https(settings, tmp_path):
    settings.SECURE = True
    with pytest.raises(CommandError, match="loopback only"):
        call_command("demo", folder=tmp_path, prepare_only=True)
