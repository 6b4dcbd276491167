"""A usual sample of every screen, and its variants."""

from __future__ import annotations

from dataclasses import replace

from integrations.creating import Artefact
from integrations.scopes import Outcome
from portal.pages.choosing import ChoosingScreen
from portal.pages.screens import (
    AccountTypeScreen,
    ConnectionRow,
    DoneScreen,
    ErrorScreen,
    Farewell,
    FormError,
    ManageScreen,
    OptionsScreen,
    ResultScreen,
    ReviewScreen,
    SavedSecret,
    WaitingScreen,
)
from portal.pages.secret import SecretScreen
from portal.texts import Notice
from tests.gallery.parts import (
    CANARY,
    CHECKED,
    CHOICES,
    CLIENT,
    CONNECTION,
    DAY,
    DOMAIN,
    EMBEDDED,
    ENDS,
    FLOW,
    GMAIL,
    GUIDE,
    JIRA,
    REDIRECT_URI,
    SALESFORCE,
    SCOPES,
    SITE,
    SLACK,
    USER_SCOPES,
    WINDOW,
)

PICKER = AccountTypeScreen(frame=EMBEDDED, app=GMAIL, flow_id=FLOW, choices=CHOICES, step=(1, 3))
OPTIONS = OptionsScreen(
    frame=EMBEDDED,
    app=GMAIL,
    flow_id=FLOW,
    step=(2, 3),
    can_go_back=True,
    redirect_uri=REDIRECT_URI,
    guide=GUIDE,
    client_id="",
    client_id_label="Client ID",
    client_id_hint="Ends in .apps.googleusercontent.com",
    client_secret_label="Client secret",
    client_secret_hint="Usually begins with GOCSPX-. Google may show it only once.",
    saved=None,
    settings=(),
    scopes=SCOPES,
    extra_scopes="",
    custom_scopes_allowed=True,
    scope_text=" ".join(row.name for row in CHECKED),
    errors=(),
    error_by_field={},
    notices=(),
)
CREATE = (
    Artefact("link", "New app, filled in", "Choose Create.", "https://id.example/apps/new?a=b&c=d"),
    Artefact("link", "Open the clients", "", missing=("Zendesk subdomain",)),
    Artefact("command", "Create with the CLI", "After a login.", "idctl create --name 'A & B'"),
    Artefact(
        "manifest",
        "Create from a manifest",
        "Pick the workspace.",
        '{"name": "Acme <CRM>"}',
        link="https://id.example/apps?manifest=%7B%7D",
        file="app-manifest.json",
        left_out=("odd.scope", "other.scope"),
    ),
)
FIELD_ERRORS = {
    "setting_domain": "This is not a Salesforce domain we can use.",
    "client_id": "Paste only the Consumer Key, not the whole JSON file.",
    "client_secret": "Enter the Consumer Secret.",
    "scopes": 'drop"table is not a permission: no quotes or backslashes.',
}
WRONG = replace(
    OPTIONS,
    app=SALESFORCE,
    client_id='{"client_id": "3MVG9"}',
    client_id_label="Consumer Key",
    client_secret_label="Consumer Secret",
    settings=(replace(DOMAIN, value="evil.example", error=FIELD_ERRORS["setting_domain"]),),
    extra_scopes='drop"table',
    errors=tuple(FormError(field, message) for field, message in FIELD_ERRORS.items()),
    error_by_field=FIELD_ERRORS,
)
SAVED = replace(
    OPTIONS,
    app=JIRA,
    can_go_back=False,
    client_id="r9QZk2PxT0",
    saved=SavedSecret(CANARY[-4:], DAY),
    settings=(SITE, USER_SCOPES),
    scopes=SCOPES[:5],
    guide=replace(
        GUIDE, notice="Use an app of your own only for your own organization.", tip="", console=""
    ),
    notices=(Notice("tidied", "", "We removed spaces around the Client ID."),),
)
ONE_ERROR = "This client ID is another one, so enter its secret as well."
SAVED_WRONG = replace(
    SAVED,
    errors=(FormError("client_secret", ONE_ERROR),),
    error_by_field={"client_secret": ONE_ERROR},
)
REVIEW = ReviewScreen(
    frame=EMBEDDED,
    app=GMAIL,
    flow_id=FLOW,
    step=(3, 3),
    can_go_back=True,
    own_client=True,
    client_id="812345678901-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com",
    secret_last4=CANARY[-4:],
    scopes=CHECKED,
    window=WINDOW,
    seen="2026-11-22T10:00:00+00:00",
    redirect_uri=REDIRECT_URI,
)
FAILURE = Notice(
    "invalid_client",
    "Gmail did not accept the app's ID and secret",
    "Either one of them is wrong or they belong to two different apps.",
    "Check both, then enter the secret again.",
)
VENDOR_APP = replace(REVIEW, own_client=False, client_id="", secret_last4="", redirect_uri="")
WAITING = WaitingScreen(
    frame=EMBEDDED,
    app=GMAIL,
    flow_id=FLOW,
    step=(3, 3),
    window=WINDOW,
    delay=2,
    redirect_uri=REDIRECT_URI,
)
CONNECTED = ResultScreen(
    frame=EMBEDDED,
    app=GMAIL,
    flow_id=FLOW,
    status="COMPLETED",
    connection_id=CONNECTION,
    account_label="ops@northwind.example",
    own_client=True,
    granted=tuple(row.name for row in CHECKED),
    outcomes=tuple(
        Outcome(row.name, row.description, True, "yes", row.required) for row in CHECKED
    ),
)
UNREPORTED = replace(
    CONNECTED,
    outcomes=tuple(replace(each, given="unknown") for each in CONNECTED.outcomes),
    reported=False,
)
LIMITED = replace(
    CONNECTED,
    status="LIMITED",
    granted=("openid", "profile"),
    missing=SCOPES[2:4],
    outcomes=(
        *(Outcome(row.name, row.description, True, "yes", True) for row in SCOPES[:1]),
        *(Outcome(row.name, row.description, True, "no", True) for row in SCOPES[2:4]),
        Outcome("offline_access", "Stay connected", True, "unknown", False),
        Outcome("profile", "", False, "yes", False),
    ),
)
CANCELLED = replace(CONNECTED, status="CANCELLED", connection_id=None, account_label="", granted=())
ROW = ConnectionRow(
    id=CONNECTION,
    app=GMAIL,
    account_label="ops@northwind.example",
    own_client=True,
    client_id="8123-abc.apps.googleusercontent.com",
    status="VALID",
    status_label="Connected",
    reason_text="",
    needs_action=False,
    connected_at=DAY,
    scopes=CONNECTED.granted,
    missing=(),
    outcomes=CONNECTED.outcomes,
    client=CLIENT,
    secret=SavedSecret(CANARY[-4:], DAY, ENDS),
)
ROWS = (
    ROW,
    replace(
        ROW,
        app=JIRA,
        account_label="https://northwind.atlassian.net",
        own_client=False,
        client=None,
        secret=None,
        status="INVALID",
        status_label="Needs reconnect",
        reason_text="The provider no longer accepts it. Reconnect to go on.",
        needs_action=True,
    ),
    replace(
        ROW,
        app=SLACK,
        status="LIMITED",
        status_label="Limited",
        account_label="Northwind",
        needs_action=True,
        missing=("chat:write", "channels:read"),
        outcomes=LIMITED.outcomes,
    ),
    replace(ROW, app=SALESFORCE, status="DISCONNECTING", status_label="Disconnecting", scopes=()),
)
MANAGE = ManageScreen(frame=EMBEDDED, connections=ROWS, offers=(GMAIL, JIRA, SALESFORCE))
GONE = Notice("disconnected", "Jira is disconnected", "Disconnected. Removing access at Jira…")
FAREWELLS = (
    Farewell(GMAIL, "dana@northwind.example", "Disconnected. Removing access at Gmail…"),
    Farewell(SLACK, "", "Disconnected. Slack has removed the access."),
    Farewell(
        JIRA,
        "https://northwind.atlassian.net",
        "Disconnected. Jira lets only you remove the access. You do that there.",
        page="https://id.atlassian.com/manage-profile/apps",
        steps=("Open Connected apps in your account.", "Find the app and choose Remove access."),
    ),
)
SITES = (
    ("0f3c6a1b", "Northwind", "https://northwind.atlassian.net"),
    ("2d4e5f60", "Northwind Labs", "https://northwind-labs.atlassian.net"),
    ("7182a1b2", "Sandbox", ""),
)
CHOOSING = ChoosingScreen(
    frame=EMBEDDED,
    app=JIRA,
    flow_id=FLOW,
    label="Jira site",
    help="Your account can open several sites. Choose the one to work with.",
    options=SITES,
)
SECRET = SecretScreen(
    frame=EMBEDDED,
    app=GMAIL,
    client=CLIENT,
    client_id=REVIEW.client_id,
    client_secret_label="Client secret",
    client_secret_hint="Usually begins with GOCSPX-.",
    current=SavedSecret(CANARY[-4:], DAY, ENDS),
    expires_on="",
    accounts=("dana@northwind.example", "ops@northwind.example"),
    errors=(),
    error_by_field={},
)
SECRET_ERRORS = {
    "client_secret": "Gmail did not take this secret. Copy it again.",
    "secret_expires_on": "This day is over. Make a new secret and enter its day.",
}
AUTHORIZE = "https://accounts.example/authorize?client_id=a&scope=a%20b&state=x'\"<>;y"
DONE = DoneScreen("Acme CRM", GMAIL, FLOW, "connected", None, "")
DENIED = Notice(
    "access_denied",
    "Access was not approved",
    "Gmail told us that access was declined, so nothing was connected.",
    "Try again and approve, or cancel.",
)
ERROR = ErrorScreen(
    Notice(
        "session_expired",
        "This page was open too long",
        "For your safety it has ended. What you typed is kept, apart from the secret.",
        "Close it and press Connect again.",
    ),
    "req_0f3c6a1b2d4e5f607182",
    embed_origin="https://app.acme.example",
    status=401,
)
NOT_FOUND = Notice("not_found", "There is no page here", "The address may be mistyped.")
