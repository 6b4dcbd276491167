"""A Django template tag for buttons that connect accounts. Django 4.2 or newer, nothing else.

Copy this file into a `templatetags` folder of an app, and say in settings.py (MODULES, from an
integration's page in the portal's admin, pins the scripts; without it the newest are loaded):

CONNECT_PORTAL = {"URL": "https://connect.acme.example", "PROJECT": "<id>", "MODULES": {…}}

{% load connect_portal_tags %}
{% connect_portal "gmail" token_url="/user-token" label="Connect Gmail" %}
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Library, TemplateSyntaxError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = Library()
NAME = re.compile(r"(?!on)[a-z]+(_[a-z]+)*")
PORTAL = re.compile(r"https://[^/\s]+|http://(localhost|127\.0\.0\.1)(:\d+)?")
TOKENS = {"user_token", "token_url", "fetch_user_token"}
NEWEST = {"/static/connect.js": "", "/static/connect-element.js": ""}


@register.simple_tag(takes_context=True)
def connect_portal(
    context: Context, integration: str, *, label: str = "", **options: Any
) -> SafeString:
    """Render the element, and before the first of a page the scripts, with the page's CSP nonce.

    `options` are attributes of the element with underscores: strings, lists of them, True. Give
    one of user_token, token_url and fetch_user_token. A value is escaped, whatever it holds.
    """
    if len(TOKENS & options.keys()) != 1:
        raise TemplateSyntaxError(f"Give one of {', '.join(sorted(TOKENS))}.")
    given = {"integration": integration, "project": settings.CONNECT_PORTAL["PROJECT"], **options}
    name = label or f"Connect {integration}"
    element = format_html("<connect-portal{}>{}</connect-portal>", _attributes(given), name)
    page: Any = context.render_context
    if "connect_portal" in page:
        return element
    page["connect_portal"] = True
    nonce = context.get("csp_nonce") or getattr(context.get("request"), "csp_nonce", None)
    return format_html("{}{}", _scripts(str(nonce or "")), element)


def _attributes(given: dict[str, Any]) -> SafeString:
    wrong = [name for name in given if not NAME.fullmatch(name)]
    if wrong:
        raise TemplateSyntaxError(f"{wrong[0]} is no attribute of the element.")
    rows = [(key.replace("_", "-"), value) for key, value in given.items()]
    kept = [(key, value) for key, value in rows if value is not None and value is not False]
    return format_html_join("", ' {}="{}"', ((key, _text(value)) for key, value in kept))


def _text(value: Any) -> str:
    values = value if isinstance(value, list | tuple) else ["" if value is True else value]
    return " ".join(map(str, values))


def _scripts(nonce: str) -> SafeString:
    portal = settings.CONNECT_PORTAL
    url = portal["URL"].rstrip("/")
    if not PORTAL.fullmatch(url):
        raise ImproperlyConfigured("CONNECT_PORTAL['URL'] must be an https origin.")
    *imported, (path, digest) = (portal.get("MODULES") or NEWEST).items()
    more = format_html(' nonce="{}"', nonce) if nonce else ""
    found = {f"{url}{path}": digest for path, digest in imported if digest}
    # What a module imports is checked by an import map, whose script "<" would end.
    text = SafeString(json.dumps({"integrity": found}).replace("<", "\\u003c"))
    pins = format_html('<script type="importmap"{}>{}</script>', more, text) if found else ""
    run = '{}<script type="module" src="{}{}" integrity="{}" crossorigin{}></script>'
    return format_html(run, pins, url, path, digest, more)
