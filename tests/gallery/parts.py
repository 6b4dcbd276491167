"""What the sample screens are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from portal.pages.screens import (
    App,
    Choice,
    Frame,
    Guide,
    GuideStep,
    ScopeRow,
    SettingField,
)

# No screen carries a whole secret, so this must not turn up in a page that was given its end.
CANARY = "GOCSPX-canary-secret-4f2a"
HOSTILE = """<script>alert("x")</script>'"><img src=x onerror=alert(1)> \u202ecod.exe"""
LONG = "averylongunbrokenvalue" * 12
FLOW = UUID("0197b1f0-0000-7000-8000-00000000f10e")
CONNECTION = UUID("0197b1f0-0000-7000-8000-00000000c0de")
CLIENT = UUID("0197b1f0-0000-7000-8000-00000000c11e")
ENDS = date(2027, 3, 14)
DAY = datetime(2026, 10, 12, 9, 30, tzinfo=UTC)
REDIRECT_URI = "https://connect.acme.example/oauth/callback/k5q2vwzj7n3x4m6tbycgd2hpra"
WINDOW = "cp-5f0c1d2e3a4b5c6d"
GOOGLE = "https://www.googleapis.com/auth/"

EMBEDDED = Frame(
    vendor="Acme CRM",
    person="Dana Reyes",
    handle="handle-of-this-visit",
    embedded=True,
    embed_origin="https://app.acme.example",
    theme="light",
    return_url="",
)
FULL = replace(
    EMBEDDED,
    handle="",
    embedded=False,
    embed_origin="",
    return_url="https://app.acme.example/integrations?from=portal&x=1",
)
EVIL = replace(EMBEDDED, vendor=HOSTILE, person=HOSTILE)
GMAIL = App("gmail", "Gmail", "Read and send mail from your records.", "/static/logos/gmail.svg")
JIRA = App("jira", "Jira", "Turn tickets into issues.", "/static/logos/jira.svg")
SLACK = App("slack", "Slack", "Post updates to your channels.", "/static/logos/slack.svg")
SALESFORCE = App("salesforce", "Salesforce", "", "/static/logos/salesforce.svg")

CHOICES = (
    Choice("default", "Use Acme CRM's app", "Quickest. There is nothing to set up.", True, True),
    Choice(
        "user-configured-oauth",
        "Use your own app",
        "For teams whose security rules ask for it. Takes about 15 minutes and somebody who can "
        "register apps at Gmail.",
        False,
        False,
    ),
)


def scope_row(name: str, description: str, flags: str = "") -> ScopeRow:
    """Make a row; flags are checked, required, sensitive, admin_consent and is_default."""
    return ScopeRow(
        name=name,
        description=description,
        checked="c" in flags or "r" in flags,
        required="r" in flags,
        sensitive="s" in flags,
        admin_consent="a" in flags,
        is_default="d" in flags,
    )


SCOPES = (
    scope_row("openid", "Know which Google account it is", "rd"),
    scope_row("email", "See the email address of the account", "rd"),
    scope_row(f"{GOOGLE}gmail.readonly", "Read all messages, labels and settings", "csd"),
    scope_row(f"{GOOGLE}gmail.send", "Send messages in the name of the account", "csd"),
    scope_row(f"{GOOGLE}gmail.modify", "Read, write and send messages", "s"),
    scope_row(f"{GOOGLE}gmail.compose", "Read, write, delete and send drafts", "s"),
    scope_row(f"{GOOGLE}gmail.insert", "Put messages into the mailbox without sending them", "s"),
    scope_row(f"{GOOGLE}gmail.labels", "See, create, rename and delete labels"),
    scope_row(f"{GOOGLE}gmail.settings.sharing", "Change forwarding and delegates", "sa"),
    scope_row("https://mail.google.com/", ""),
)
CHECKED = tuple(row for row in SCOPES if row.checked)
GUIDE = Guide(
    console="https://console.cloud.google.com/auth/clients",
    redirect_uri_label="Authorised redirect URIs",
    minutes=15,
    role="Someone who may create a project in Google Cloud; any Google account can.",
    steps=(
        GuideStep((("text", "Choose or create a project, and enable the Gmail API."),)),
        GuideStep((("text", "Under Data Access add these scopes: "), ("scopes", ""))),
        GuideStep((("text", "Under Clients create a client of the type Web application."),)),
        GuideStep(
            (
                ("text", "Add this address under Authorised redirect URIs: "),
                ("redirect_uri", ""),
                ("text", " and save."),
            )
        ),
        GuideStep((("text", "Copy the client ID and the client secret into this form."),)),
    ),
    tip="Choose the audience Internal if all people are in one Google Workspace.",
    notice="",
    documentation="https://developers.google.com/workspace/gmail/api/auth/web-server",
    checked=DAY,
)
SITE = SettingField(
    name="site",
    label="Jira site",
    kind="text",
    value="",
    required=False,
    placeholder="acme",
    help="Only needed if your account can open several sites.",
    prefix="https://",
    suffix=".atlassian.net",
    options=(),
    error="",
    notice="",
)
DOMAIN = replace(
    SITE,
    name="domain",
    label="Salesforce domain",
    kind="choice",
    value="login.salesforce.com",
    required=True,
    placeholder="acme.my.salesforce.com",
    help="Best is your own host from Setup, My Domain, such as acme.my.salesforce.com.",
    suffix="",
    options=(("login.salesforce.com", "Production"), ("test.salesforce.com", "Sandbox")),
)
USER_SCOPES = replace(
    SITE,
    name="user_scopes",
    label="User permissions",
    kind="scopes",
    value="search:read",
    placeholder="",
    help="Permissions of the person, beside those of the app.",
    prefix="",
    suffix="",
)
