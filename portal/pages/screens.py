"""What each template may use: one frozen dataclass for each screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from integrations.creating import Artefact
from integrations.scopes import Outcome
from integrations.stages import ScopeChoice as ScopeRow
from portal.pages.looks import PLAIN, Look
from portal.pages.sights import Checks, Fix, Sight
from portal.texts import Notice


@dataclass(frozen=True)
class Frame:
    """What every portal page shows and carries.

    An embedded page carries its `handle`. A full-page visit has a cookie, and its pages carry the
    public id of their `visit`, which tells them from those of a later one.
    """

    vendor: str
    person: str
    handle: str = field(repr=False)
    embedded: bool
    embed_origin: str
    theme: str
    return_url: str
    visit: str = ""
    look: Look = PLAIN


@dataclass(frozen=True)
class App:
    """The integration a page is about."""

    slug: str
    name: str
    description: str
    logo: str


@dataclass(frozen=True)
class Choice:
    """One account type of the picker."""

    id: str
    title: str
    text: str
    checked: bool
    recommended: bool


@dataclass(frozen=True)
class FormError:
    """A field's error, for the summary and beside the field; `field` is the input's id."""

    field: str
    message: str


@dataclass(frozen=True)
class SettingField:
    """One provider setting: `kind` is text, path, choice or scopes; `options` are (value, label).

    With `other_values` a choice may be something that is not listed.
    """

    name: str
    label: str
    kind: str
    value: str
    required: bool
    placeholder: str
    help: str
    prefix: str
    suffix: str
    options: tuple[tuple[str, str], ...]
    error: str
    notice: str
    other_values: bool = True


@dataclass(frozen=True)
class GuideStep:
    """One step of the setup guide, cut at its copyable values: (kind, text) pairs.

    Kinds are "text", "redirect_uri" and "scopes".
    """

    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Guide:
    """How to register the app at the provider."""

    console: str
    redirect_uri_label: str
    minutes: int
    role: str
    steps: tuple[GuideStep, ...]
    tip: str
    notice: str
    documentation: str
    checked: datetime


@dataclass(frozen=True)
class SavedSecret:
    """What may be said about a stored secret."""

    last4: str
    saved_at: datetime
    expires_on: date | None = None


@dataclass(frozen=True)
class AccountTypeScreen:
    """install/account_type.html: the choice between the vendor's app and the own one."""

    frame: Frame
    app: App
    flow_id: UUID
    choices: tuple[Choice, ...]
    step: tuple[int, int]
    errors: tuple[FormError, ...] = ()
    may_send: bool = False


@dataclass(frozen=True)
class OptionsScreen:
    """install/options.html: the own-client form beside its guide.

    `saved` is set when a secret is stored and may be kept; `expires_on` is None where secrets do
    not end; `extra_scopes` are typed ones that no row describes, `strange`
    those among them that the catalog does not know; `errors` are by field, in page
    order; `create` is what registers the app at the provider. `shared` says that the app
    is the organization's, `may_share` that an administrator may choose whose it is. While
    `picking`, the permissions are open; `handed` says that the form is that of a link.
    """

    frame: Frame
    app: App
    flow_id: UUID
    step: tuple[int, int]
    can_go_back: bool
    redirect_uri: str
    guide: Guide
    client_id: str
    client_id_label: str
    client_id_hint: str
    client_secret_label: str
    client_secret_hint: str
    saved: SavedSecret | None
    settings: tuple[SettingField, ...]
    scopes: tuple[ScopeRow, ...]
    extra_scopes: str
    custom_scopes_allowed: bool
    scope_text: str
    errors: tuple[FormError, ...]
    error_by_field: Mapping[str, str]
    notices: tuple[Notice, ...]
    expires_on: str | None = None
    create: tuple[Artefact, ...] = ()
    shared: bool = False
    may_share: bool = False
    may_send: bool = False
    picking: bool = False
    handed: bool = False
    scope_separator: str = " "
    strange: tuple[str, ...] = ()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The permissions that are asked for as the form stands."""
        ticked = (row.name for row in self.scopes if row.checked)
        return tuple(dict.fromkeys((*ticked, *self.extra_scopes.split())))

    @property
    def asked(self) -> tuple[str, ...]:
        """The permissions that the vendor asks for."""
        return tuple(row.name for row in self.scopes if row.is_default)

    @property
    def selected(self) -> int:
        """Count the permissions that are asked for as the form stands."""
        return len(self.chosen)

    @property
    def added(self) -> int:
        """Count those beyond what the vendor asks for."""
        return len(set(self.chosen) - set(self.asked))

    @property
    def removed(self) -> int:
        """Count those the vendor asks for that are not among them."""
        return len(set(self.asked) - set(self.chosen))


@dataclass(frozen=True)
class ReviewScreen:
    """install/review.html: what will happen, and the button that opens the provider.

    `seen` goes back with every poll: it tells an earlier failure from one of this attempt.
    `redirect_uri` is empty with the vendor's app, here and in WaitingScreen. `left_behind` are
    accounts that stay with another app until they are connected again. `shared` says that the app
    is the organization's, which only its administrators `can_change`.
    """

    frame: Frame
    app: App
    flow_id: UUID
    step: tuple[int, int]
    can_go_back: bool
    own_client: bool
    client_id: str
    secret_last4: str
    scopes: tuple[ScopeRow, ...]
    window: str
    seen: str = ""
    redirect_uri: str = ""
    notices: tuple[Notice, ...] = ()
    failure: Notice | None = None
    left_behind: tuple[str, ...] = ()
    shared: bool = False
    can_change: bool = True
    # What helps where the provider's file explains the failure, and what is known in advance.
    fix: Fix | None = None
    checks: Checks | None = None
    sight: Sight | None = None
    asked: int = 0
    window_state: str = ""
    window_changed: bool = False


@dataclass(frozen=True)
class WaitingScreen:
    """install/waiting.html: the provider's window is open. `delay` is seconds to the next poll.

    `asked` counts the polls. `window_state` is what they tell of the window: "blocked" or "long".
    While `confirming`, the approval is there, and the vendor has to say at `confirm_url` who came.
    """

    frame: Frame
    app: App
    flow_id: UUID
    step: tuple[int, int]
    window: str
    delay: int
    redirect_uri: str
    seen: str = ""
    sight: Sight | None = None
    asked: int = 0
    window_state: str = ""
    window_changed: bool = False
    confirming: bool = False
    confirm_url: str = ""


@dataclass(frozen=True)
class ResultScreen:
    """install/result.html: connected, limited or cancelled.

    `reported` says that the provider told what it gave, here and in ConnectionRow.
    """

    frame: Frame
    app: App
    flow_id: UUID
    status: str
    connection_id: UUID | None
    account_label: str
    own_client: bool
    granted: tuple[str, ...] = ()
    missing: tuple[ScopeRow, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    reported: bool = True

    @property
    def requested(self) -> int:
        """Count the permissions that were asked for."""
        return sum(each.requested for each in self.outcomes)


@dataclass(frozen=True)
class ConnectionRow:
    """One connection of the manage page."""

    id: UUID
    app: App
    account_label: str
    own_client: bool
    client_id: str
    status: str
    status_label: str
    reason_text: str
    needs_action: bool
    connected_at: datetime
    scopes: tuple[str, ...]
    missing: tuple[str, ...]
    # Set where the person may replace the secret: the app is their own.
    client: UUID | None = None
    secret: SavedSecret | None = None
    shared: bool = False
    outcomes: tuple[Outcome, ...] = ()
    reported: bool = True


@dataclass(frozen=True)
class Farewell:
    """A connection that was disconnected: what became of the access at the provider.

    `page` and `steps` are set where the person has to remove it there.
    """

    app: App
    account_label: str
    text: str
    page: str = ""
    steps: tuple[str, ...] = ()
    id: UUID | None = None


@dataclass(frozen=True)
class SharedApp:
    """An organization's app. `again` are people who stay with one it held before."""

    app: App
    client: UUID
    client_id: str
    secret: SavedSecret
    connections: int
    again: tuple[str, ...]


@dataclass(frozen=True)
class ManageScreen:
    """manage/index.html. `offers` are integrations that could be connected.

    `shared_apps` are those of the organization; its administrators `may_share` their own.
    """

    frame: Frame
    connections: tuple[ConnectionRow, ...]
    offers: tuple[App, ...]
    done: Notice | None = None
    disconnected: UUID | None = None
    gone: tuple[Farewell, ...] = ()
    shared_apps: tuple[SharedApp, ...] = ()
    may_share: bool = False


@dataclass(frozen=True)
class DisconnectScreen:
    """manage/disconnect.html: the question before it happens."""

    frame: Frame
    connection: ConnectionRow


@dataclass(frozen=True)
class HostedScreen:
    """hosted/link.html: what a link is for. `app` is None if it leads to the list."""

    vendor: str
    person: str
    app: App | None
    action: str
    look: Look = PLAIN


@dataclass(frozen=True)
class EndedScreen:
    """hosted/ended.html: the visit is over."""

    frame: Frame


@dataclass(frozen=True)
class LeavingScreen:
    """oauth/leaving.html: the page between us and the provider. Loads no script."""

    vendor: str
    person: str
    app: App
    url: str
    look: Look = PLAIN


@dataclass(frozen=True)
class DoneScreen:
    """oauth/done.html, in the provider's window.

    `outcome` is connected, failed, waiting, or unconfirmed: then `confirm_url` leads back to the
    vendor, which has to say who came. `host_origin` is the page that draws its own form, if one
    does, and `host_url` where it goes on. `way_back` leads to the page that embeds the portal, for
    a tab that took its place.
    """

    vendor: str
    app: App
    flow_id: UUID
    outcome: str
    notice: Notice | None
    return_path: str
    confirm_url: str = ""
    host_url: str = ""
    host_origin: str = ""
    way_back: str = ""
    look: Look = PLAIN


@dataclass(frozen=True)
class ErrorScreen:
    """errors/error.html, on any page."""

    notice: Notice
    request_id: str
    embed_origin: str = ""
    status: int = 400
    details: Mapping[str, str] = field(default_factory=dict)
    look: Look = PLAIN
