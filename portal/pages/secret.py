"""Replacing the secret of an app the person entered; whatever it connected stays connected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables

from integrations import access, rotation
from integrations.errors import FieldError, InvalidInput, RateLimited
from integrations.limits import PAGE, SAVE_OPTIONS
from integrations.models import ClientCheck, OAuthClient
from integrations.rotation import Replaced
from integrations.text import storable
from integrations.wording import said
from portal import limits, texts
from portal.limits import limited, states
from portal.pages import manage
from portal.pages.screens import App, FormError, Frame, SavedSecret
from portal.pages.visit import PortalRequest, app_of, frame, page, portal_page
from portal.texts import Notice

SHOWN = 40


@dataclass(frozen=True)
class SecretScreen:
    """manage/secret.html. `accounts` are those that stay connected."""

    frame: Frame
    app: App
    client: UUID
    client_id: str
    client_secret_label: str
    client_secret_hint: str
    current: SavedSecret
    expires_on: str
    accounts: tuple[str, ...]
    errors: tuple[FormError, ...]
    error_by_field: Mapping[str, str]
    # Names that the field's own template asks for: here nothing is kept by leaving it empty.
    saved: None = None


@portal_page()
@states(SAVE_OPTIONS)
@limited(PAGE)
@sensitive_variables()
def replace(request: PortalRequest) -> HttpResponse:
    """Ask for the new secret, or try it and say what came of it."""
    client = access.client_of(who=request.portal_session, pk=request.POST.get("client", ""))
    if "client_secret" not in request.POST:
        return _form(request, client)
    try:
        limits.spend(request, SAVE_OPTIONS)
        done = rotation.replace_secret(
            client=client,
            secret=request.POST["client_secret"],
            expires_on=request.POST.get("secret_expires_on", ""),
            actor=access.actor_of(request.portal_session),
        )
    except InvalidInput as error:
        return _form(request, client, error.errors)
    except RateLimited as error:
        words = texts.notice(error.code)
        late = FieldError("client_secret", error.code, f"{words.text} {words.action}")
        response = _form(request, client, (late,), status=429)
        limits.told(response, error)
        return response
    return manage.show(request, _said(client, done))


def _said(client: OAuthClient, done: Replaced) -> Notice:
    name = client.integration.provider.name
    if done.checked:
        text = said(
            "{name} accepted it. Accounts that use the app stay connected: {connections}.",
            name=name,
            connections=done.connections,
        )
    elif done.told == ClientCheck.Outcome.ACCEPTED:
        text = said("{name} accepts it.", name=name)
    elif done.told in (ClientCheck.Outcome.REJECTED, ClientCheck.Outcome.EXPIRED):
        text = said(
            "But {name} did not accept it when we asked. Copy it again and replace it once more.",
            name=name,
        )
    else:
        text = said(
            "We could not try it at {name} yet. Until it works there, the one before is used.",
            name=name,
        )
    return Notice(
        "secret_replaced", said("The secret of your {name} app was replaced", name=name), text
    )


def _form(
    request: PortalRequest,
    client: OAuthClient,
    errors: tuple[FieldError, ...] = (),
    *,
    status: int = 422,
) -> HttpResponse:
    provider, version = client.integration.provider, client.current_version
    typed = storable(request.POST.get("secret_expires_on", ""))[:SHOWN]
    screen = SecretScreen(
        frame=frame(request),
        app=app_of(client.integration),
        client=client.pk,
        client_id=version.client_id if version else "",
        client_secret_label=provider.client_secret_label,
        client_secret_hint=provider.client_secret_hint,
        current=SavedSecret(
            last4=version.last4 if version else "",
            saved_at=version.created_at if version else client.created_at,
            expires_on=version.secret_expires_on if version else None,
        ),
        expires_on=typed,
        accounts=_accounts(request, client),
        errors=tuple(FormError(error.field, error.message) for error in errors),
        error_by_field={error.field: error.message for error in errors},
    )
    return page(request, "manage/secret.html", screen, status if errors else 200)


def _accounts(request: PortalRequest, client: OAuthClient) -> tuple[str, ...]:
    rows = access.connections_of(request.portal_session)
    used = (row for row in rows if row.oauth_client_id == client.pk)
    return tuple(row.account_label or client.integration.slug for row in used)
