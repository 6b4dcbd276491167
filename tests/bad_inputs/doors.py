"""The doors through which people and programs enter values, and which fields each one has."""

from __future__ import annotations

from enum import StrEnum

APP = ("client_id", "client_secret", "subdomain")


class Door(StrEnum):
    """A place where values come in, in the words of the document."""

    FORM = "own-client form"
    SECRET_PAGE = "secret page"
    USER_API = "user API: pre-options"
    USER_SECRET = "user API: secret"
    VENDOR_SECRET = "vendor API: secret"
    IMPORT = "vendor API: import"
    ADMIN_CLIENT = "admin: vendor's client"
    KEY_SET = "admin: key set URL"
    WEBHOOK = "admin: webhook URL"
    CATALOG = "provider file"
    CALLBACK = "callback"
    ANY = "any address"


FIELDS: dict[Door, frozenset[str]] = {
    Door.FORM: frozenset({*APP, "scopes", "form"}),
    Door.SECRET_PAGE: frozenset({"client_secret", "form"}),
    Door.USER_API: frozenset({*APP, "scopes", "body"}),
    Door.USER_SECRET: frozenset({"client_secret", "body"}),
    Door.VENDOR_SECRET: frozenset({"client_secret", "body"}),
    Door.IMPORT: frozenset({*APP, "scopes", "body", "name"}),
    Door.ADMIN_CLIENT: frozenset(APP),
    Door.KEY_SET: frozenset({"url"}),
    Door.WEBHOOK: frozenset({"url"}),
    Door.CATALOG: frozenset({"url"}),
    Door.CALLBACK: frozenset({"answer"}),
    Door.ANY: frozenset({"header"}),
}
JSON_DOORS = (Door.USER_API, Door.USER_SECRET, Door.VENDOR_SECRET, Door.IMPORT)
SECRET_DOORS = (Door.SECRET_PAGE, Door.USER_SECRET, Door.VENDOR_SECRET)
