"""Trips to the authorization endpoint: made, checked in a fixed order, and claimed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from integrations import access, audit, callbacks, codes, organizations, versions
from integrations.codes import drop_stale_codes as drop_stale_codes
from integrations.errors import AuthorizationFailed, FlowClosed, IntegrityBroken, SealBroken
from integrations.models import AuthorizationRequest, ClientVersion, Flow
from integrations.oauth import client as oauth
from integrations.secret import Secret, digest, new_token

LIFETIME = codes.LIFETIME
MAX_PENDING = 5


@dataclass(frozen=True)
class Authorization:
    """Where to send the browser, and the cookie value that binds the trip to it."""

    url: str
    flow: Flow
    browser_token: Secret


@dataclass(frozen=True)
class Response:
    """An authorization response (RFC 6749 section 4.1.2, RFC 9207 section 2)."""

    state: Secret
    code: Secret | None
    error: str
    iss: str | None
    # All parameters as they came, each as often as it came: some providers sign them.
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def opened(*, flow: Flow, version: ClientVersion, scopes: tuple[str, ...]) -> Authorization:
    """Make a request for this flow, client version and scopes; older pending ones end.

    State and browser token are 256 random bits, kept as digests; the verifier is new each time.
    Raises FlowClosed, and IntegrityBroken if the stored client secret was tampered with.
    """
    provider = version.provider
    with seals_watched(flow):
        client = versions.oauth_client(version=version)
    state, browser_token = new_token(), new_token()
    verifier = oauth.new_code_verifier() if provider.code_challenge_method == "S256" else None
    request = AuthorizationRequest(
        project_id=flow.project_id,
        flow=flow,
        session=flow.session,
        oauth_client=version.oauth_client,
        client_version=version,
        config_hash=versions.current_hash(version),
        state_hash=digest(state),
        browser_hash=digest(browser_token),
        code_verifier=verifier,
        expires_at=timezone.now() + LIFETIME,
    )
    with transaction.atomic():
        _end_older(flow)
        request.save(force_insert=True)
        _set_waiting(flow, version, scopes)
    url = oauth.authorization_url(
        provider=provider,
        client=client,
        scopes=scopes,
        settings=version.settings,
        state=state,
        verifier=verifier,
    )
    return Authorization(url=url, flow=flow, browser_token=Secret(browser_token))


@contextmanager
def seals_watched(flow: Flow) -> Iterator[None]:
    """Record a broken seal that stops this flow, and raise IntegrityBroken in its place.

    Outside of transactions only: one that is undone would take the record along.
    """
    try:
        yield
    except SealBroken:
        with transaction.atomic():
            audit.record(
                project=flow.project,
                actor=access.actor_of(flow.session),
                action="seal.broken",
                subject=flow,
                code=IntegrityBroken.code,
                severity="high",
            )
        raise IntegrityBroken from None


def cookie_key(flow: Flow) -> str:
    """Return the part of the cookie name that tells parallel flows of a browser apart."""
    return flow.pk.hex[:8]


def found(response: Response) -> AuthorizationRequest:
    """Return the request this response's state belongs to. Raises AuthorizationFailed."""
    state_hash = digest(response.state.reveal())
    request = codes.requests().filter(state_hash=state_hash).first()
    if request is None:
        raise AuthorizationFailed("state_unknown")
    return request


def check(
    *, request: AuthorizationRequest, response: Response, slot: str, cookies: Mapping[str, str]
) -> None:
    """Check a response against its request, before anything is sent anywhere.

    `cookies` are the flow cookies the browser sent, by `cookie_key`.

    Raises AuthorizationFailed with the code of the first check that fails: the browser that
    started (RFC 6749 section 10.12), the slot (RFC 9700 section 4.4.2.2), the issuer (RFC 9207
    section 2.4), then whether the client or the session changed meanwhile.
    """
    if request.status != AuthorizationRequest.Status.PENDING:
        raise AuthorizationFailed("state_used")
    browser = cookies.get(cookie_key(request.flow), "")
    if not constant_time_compare(digest(browser), request.browser_hash):
        raise AuthorizationFailed("session_binding_failed")
    if not constant_time_compare(slot, request.oauth_client.slot):
        raise AuthorizationFailed("mixup_blocked")
    _check_issuer(request, response)
    if request.expires_at <= timezone.now():
        raise AuthorizationFailed("consent_timeout")


def read_params(request: AuthorizationRequest, response: Response) -> None:
    """Check what the response carries besides the code, and note what is kept of it.

    Raises AuthorizationFailed, and IntegrityBroken if the stored client secret was tampered with.
    """
    version = request.client_version
    with seals_watched(request.flow):
        secret = version.open_required("client_secret")
    request.callback_values = callbacks.checked(
        provider=version.provider, settings=version.settings, secret=secret, params=response.params
    )


def check_unchanged(request: AuthorizationRequest) -> None:
    """Raise AuthorizationFailed if client, choices, session or key are not what they were.

    The same checks come before a code is used, whether it has just arrived or was held.
    """
    # The session that started the trip counts, also if another one took up its flow meanwhile.
    version, flow, session = request.client_version, request.flow, request.session
    if not request.oauth_client.integration.is_active:
        raise AuthorizationFailed("integration_not_found")
    # What the person chose after leaving is not what the provider was asked for.
    held = request.status == AuthorizationRequest.Status.HELD
    expected = Flow.Status.AWAITING_CONFIRMATION if held else Flow.Status.WAITING
    if flow.status != expected or flow.client_version_id != version.pk:
        raise AuthorizationFailed("settings_changed")
    if flow.oauth_client_id != request.oauth_client_id:
        raise AuthorizationFailed("settings_changed")
    if not organizations.is_member(end_user=flow.end_user, client=request.oauth_client):
        raise AuthorizationFailed("client_not_usable")
    if request.oauth_client.current_version_id != version.pk:
        raise AuthorizationFailed("settings_changed")
    if request.config_hash != versions.current_hash(version):
        raise AuthorizationFailed("settings_changed")
    if session.ended_at or not session.key.is_live or not flow.project.is_active:
        raise AuthorizationFailed("session_expired")


def is_pending(request: AuthorizationRequest) -> bool:
    """Return whether nobody has claimed the request yet."""
    pending = AuthorizationRequest.Status.PENDING
    return AuthorizationRequest.objects.filter(pk=request.pk, status=pending).exists()


def claim(request: AuthorizationRequest) -> None:
    """Take the request for this call alone, by one statement. Raises AuthorizationFailed."""
    now = timezone.now()
    with transaction.atomic():
        claimed = AuthorizationRequest.objects.filter(
            pk=request.pk,
            status=AuthorizationRequest.Status.PENDING,
            browser_hash=request.browser_hash,
            expires_at__gt=now,
        ).update(status=AuthorizationRequest.Status.CLAIMED, claimed_at=now)
        if claimed != 1:
            raise AuthorizationFailed("state_used")
        taken = Flow.objects.filter(pk=request.flow_id, status=Flow.Status.WAITING).update(
            status=Flow.Status.EXCHANGING, updated_at=now
        )
        if not taken:
            raise AuthorizationFailed("settings_changed")


def spend(request: AuthorizationRequest) -> None:
    """End the request and forget its code and verifier: it will not be exchanged (any more)."""
    AuthorizationRequest.objects.filter(pk=request.pk).update(
        status=AuthorizationRequest.Status.FAILED, code=None, code_verifier=None
    )


def _set_waiting(flow: Flow, version: ClientVersion, scopes: tuple[str, ...]) -> None:
    # Only as it was when the person pressed the button: a choice made meanwhile wins.
    started = Flow.objects.filter(
        pk=flow.pk,
        status__in=Flow.EDITABLE,
        account_type=flow.account_type,
        oauth_client=version.oauth_client_id,
    ).update(
        status=Flow.Status.WAITING,
        error_code="",
        seen="",
        client_version=version,
        scopes=list(scopes),
        updated_at=timezone.now(),
    )
    if not started:
        raise FlowClosed


def _check_issuer(request: AuthorizationRequest, response: Response) -> None:
    provider = request.client_version.provider
    if response.iss is None:
        if provider.authorization_response_iss_parameter_supported:
            raise AuthorizationFailed("issuer_missing")
        return
    expected = oauth.issuer(provider, request.client_version.settings)
    if expected and response.iss != expected:
        raise AuthorizationFailed("issuer_mismatch")


def _end_older(flow: Flow) -> None:
    pending = AuthorizationRequest.objects.filter(
        flow__session=flow.session_id, status=AuthorizationRequest.Status.PENDING
    )
    keep = pending.exclude(flow=flow).order_by("-created_at").values_list("pk", flat=True)
    pending.exclude(pk__in=list(keep[: MAX_PENDING - 1])).update(
        status=AuthorizationRequest.Status.FAILED, code_verifier=None
    )
