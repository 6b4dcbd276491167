"""The page where a person registers an app, the way a provider's console does."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from tests.fakeas import clients
from tests.fakeas.messages import Params, Request, Response
from tests.fakeas.pages import brand, html
from tests.fakeas.profiles.base import Profile
from tests.fakeas.store import Client, Store


def show(profiles: tuple[Profile, ...], store: Store, query: Params) -> Response:
    """Show the form and the apps registered so far, without their secrets."""
    return _form(profiles, store, values=query)


def register(profiles: tuple[Profile, ...], store: Store, request: Request) -> Response:
    """Register an app and show its secret this one time."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return html("Not from here", "<h1>This form was sent from another site</h1>", status=403)
    form = request.form()
    profile = next((each for each in profiles if each.slug == form.get("profile")), None)
    uris = tuple(line.strip() for line in form.get("redirect_uris").splitlines() if line.strip())
    problem = _problem(profile, form, uris)
    if profile is None or problem:
        return _form(profiles, store, values=form, problem=problem)
    client = _client(profile, form, uris)
    store.clients[profile.slug, client.client_id] = client
    return _registered(profile, client)


def _client(profile: Profile, form: Params, uris: tuple[str, ...]) -> Client:
    client_id, secret = profile.new_credentials()
    settings: dict[str, object] = {"token_rotation": bool(form.get("token_rotation"))}
    if profile.realm_names and form.get("home"):
        settings[profile.realm_names[0]] = form.get("home").strip().lower()
    return Client(
        profile=profile.slug,
        client_id=client_id,
        client_secret=secret,
        redirect_uris=uris,
        name=form.get("name").strip(),
        scopes=_scopes(form) or None,
        settings=settings,
    )


def _scopes(form: Params) -> tuple[str, ...]:
    return tuple(form.get("scopes").replace(",", " ").split())


def _problem(profile: Profile | None, form: Params, uris: tuple[str, ...]) -> str:
    if profile is None:
        return "Choose a service."
    if not form.get("name").strip() or len(form.get("name")) > 80:
        return "Give the app a name of up to 80 characters."
    if not uris:
        return "Enter at least one redirect URL."
    for uri in uris:
        problem = clients.redirect_problem(uri)
        if problem:
            return f"The redirect URL {uri[:200]} was not accepted: {problem}."
    unknown = [scope for scope in _scopes(form) if not profile.knows_scope(scope)]
    return f"{profile.title} has no scope {unknown[0][:80]}." if unknown else ""


def _form(
    profiles: tuple[Profile, ...], store: Store, *, values: Params, problem: str = ""
) -> Response:
    alert = f'<p class="alert" role="alert">{escape(problem)}</p>' if problem else ""
    body = f"""<h1>Register an app</h1>
<p>An app is what a service knows your software by. You get a client ID and a secret for it.</p>
{alert}
<form method="post" action="/apps">
<label class="field">Service
<select name="profile">{_options(profiles, values.get("profile"))}</select></label>
<label class="field">App name
<input name="name" required maxlength="80" value="{escape(values.get("name"))}"></label>
<label class="field">Redirect URLs, one on each line
<textarea name="redirect_uris" rows="3" required>{escape(values.get("redirect_uris"))}</textarea>
</label>
<label class="field">Scopes it may ask for (empty: all of them)
<textarea name="scopes" rows="2">{escape(values.get("scopes"))}</textarea></label>
<label class="field">Subdomain, domain or tenant it belongs to (empty: any)
<input name="home" maxlength="120" value="{escape(values.get("home"))}"></label>
<label class="choice"><input type="checkbox" name="token_rotation" value="on">
<span><strong>Token rotation</strong><small>Pretend Slack only: short-lived tokens</small></span>
</label>
<div class="actions"><button id="register">Register app</button></div>
</form>
{_registered_list(profiles, store)}"""
    return html("Register an app", body, status=400 if problem else 200)


def _options(profiles: tuple[Profile, ...], chosen: str) -> str:
    return "".join(
        f'<option value="{each.slug}"{" selected" if each.slug == chosen else ""}>'
        f"{escape(each.title)}</option>"
        for each in profiles
    )


def _registered_list(profiles: tuple[Profile, ...], store: Store) -> str:
    titles = {each.slug: each.title for each in profiles}
    rows = "".join(
        f"<dt>{escape(client.name)} <small>{escape(titles[client.profile])}</small></dt>"
        f"<dd><code>{escape(client.client_id)}</code><br>{_lines(client)}</dd>"
        for client in list(store.clients.values())
    )
    return f"<h2>Registered apps</h2><dl>{rows}</dl>" if rows else ""


def _lines(client: Client) -> str:
    return "<br>".join(escape(uri) for uri in client.redirect_uris)


def _registered(profile: Profile, client: Client) -> Response:
    id_label, secret_label, redirect_label = (escape(label) for label in profile.labels)
    body = f"""{brand(profile)}
<h1>{escape(client.name)} is registered</h1>
<p>Copy the secret now. It is not shown again.</p>
<dl class="values">
<dt>{id_label}</dt><dd><code id="client-id">{escape(client.client_id)}</code></dd>
<dt>{secret_label}</dt><dd><code id="client-secret">{escape(client.client_secret)}</code></dd>
<dt>{redirect_label}</dt><dd>{_lines(client)}</dd>
</dl>
<p><a class="button" href="/apps">Register another app</a></p>"""
    return html(f"{client.name} is registered", body, theme=profile.slug)
