"""The pages a person sees; plain HTML, no script, one style sheet."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from tests.fakeas import accounts, magic
from tests.fakeas.errors import ProviderPage
from tests.fakeas.messages import NO_STORE, Response
from tests.fakeas.profiles.base import Profile
from tests.fakeas.store import Authorization
from tests.fakeas.world import Context

# form-action is left out: Chromium applies it to the redirect back to the app as well.
CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def html(
    title: str, body: str, *, theme: str = "", status: int = 200, outcome: str = "ok"
) -> Response:
    """Wrap a body into a page; `theme` picks the accent colour."""
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/static/fakeas.css">
</head>
<body class="theme-{escape(theme or "plain")}">
<main class="card">
{body}
</main>
<footer class="foot">
<p>This is a practice provider. It runs on this computer and is no real service.</p>
<p><a href="/">What is this?</a> <a href="/apps">Register an app</a></p>
</footer>
</body>
</html>
"""
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", CSP),
        ("Referrer-Policy", "same-origin"),
        *NO_STORE,
    )
    return Response(status, headers, text.encode(), outcome)


def brand(profile: Profile) -> str:
    """Return the provider's name with its mark."""
    letter = escape(profile.title.split()[-1][0])
    return (
        f'<p class="brand"><span class="mark" aria-hidden="true">{letter}</span>'
        f"{escape(profile.title)}</p>"
    )


def consent_page(ctx: Context, authorization: Authorization, ticket: str) -> Response:
    """Ask the person for an account and for consent, on one page."""
    profile, app = ctx.profile, escape(authorization.client.name)
    host = escape(urlsplit(authorization.redirect_uri).netloc)
    body = f"""{brand(profile)}
<h1>{app} wants to use your {escape(profile.title)} account</h1>
<form method="post" action="/{profile.slug}/consent">
<input type="hidden" name="ticket" value="{escape(ticket)}">
<fieldset><legend>Account</legend>
{_accounts(authorization.params.get("login_hint"))}
</fieldset>
{_scopes(profile, "scope", authorization.scopes)}
{_scopes(profile, "user_scope", authorization.user_scopes)}
<p class="note">You go back to <strong>{host}</strong> afterwards.</p>
<div class="actions">
<button id="allow" name="decision" value="allow">Allow</button>
<button id="deny" name="decision" value="deny" class="quiet">Deny</button>
</div>
</form>"""
    return html(f"Allow {authorization.client.name}? | {profile.title}", body, theme=profile.slug)


def _accounts(hint: str) -> str:
    chosen = accounts.find(hint) or accounts.ACCOUNTS[0]
    return "\n".join(
        f'<label class="choice"><input type="radio" name="account" value="{each.email}"'
        f"{' checked' if each is chosen else ''}>"
        f"<span><strong>{escape(each.name)}</strong><small>{each.email}</small></span></label>"
        for each in accounts.ACCOUNTS
    )


def _scopes(profile: Profile, name: str, scopes: tuple[str, ...]) -> str:
    if not scopes:
        return ""
    legend = "What it may do as you" if name == "user_scope" else "What it may do"
    boxes = "\n".join(
        f'<label class="choice"><input type="checkbox" name="{name}" value="{escape(scope)}"'
        f" checked><span><strong>{escape(profile.scopes.get(scope, scope))}</strong>"
        f"<small>{escape(scope)}</small></span></label>"
        for scope in scopes
    )
    return f"<fieldset><legend>{legend}</legend>\n{boxes}\n</fieldset>"


def error_page(profile: Profile, problem: ProviderPage) -> Response:
    """Show what the provider refuses; nobody is sent back."""
    code = f'<p class="code" id="error-code">{escape(problem.code)}</p>' if problem.code else ""
    body = f"""{brand(profile)}
<h1>{escape(problem.title)}</h1>
<p>{escape(problem.text)}</p>
{code}
<p class="note">Nothing was shared. You can close this page.</p>"""
    return html(
        f"{problem.title} | {profile.title}",
        body,
        theme=profile.slug,
        status=400,
        outcome=problem.reason.value,
    )


def home_page(profiles: tuple[Profile, ...]) -> Response:
    """Explain the server, its profiles and its magic client ids."""
    body = f"""<h1>A practice provider</h1>
<p>This server stands in for the services people connect. It checks client secrets, redirect URLs,
PKCE and scopes like a real one, and it asks before it shares anything. It keeps everything in
memory and forgets it when it stops.</p>
<p><a class="button" href="/apps">Register an app</a></p>
<h2>Services</h2>
<dl>{"".join(_service(profile) for profile in profiles)}</dl>
<h2>Client IDs that need no registration</h2>
<p>They work on Demo Mail and Demo Desk, with any redirect URL on this computer. The client secret
of each is <code>{magic.SECRET}</code>.</p>
<dl>{"".join(_magic(name) for name in magic.CLIENTS)}</dl>"""
    return html("A practice provider", body)


def _service(profile: Profile) -> str:
    return f"<dt>{escape(profile.title)}</dt><dd>{escape(profile.summary)}</dd>"


def _magic(name: str) -> str:
    return f"<dt><code>{name}</code></dt><dd>{escape(magic.CLIENTS[name].text)}</dd>"


def not_found() -> Response:
    """Say that there is nothing here."""
    body = "<h1>There is nothing here</h1><p>Check the address, or start at the home page.</p>"
    return html("There is nothing here", body, status=404, outcome="not_found")
