"""Client ids that need no registration and each cause one situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECRET = "fake-secret"
PROFILES = frozenset({"demo-mail", "demo-desk"})


@dataclass(frozen=True)
class Magic:
    """Say what a magic client id does, and the modes that make it so."""

    text: str
    modes: Mapping[str, Any] = field(default_factory=dict)


_HTML = {"body": "html"}

CLIENTS: dict[str, Magic] = {
    "fake_ok": Magic("Everything works."),
    "fake_wrong_secret": Magic(
        "The token endpoint answers invalid_client, whatever the secret.",
        {"token_error": {"reason": "wrong_secret"}},
    ),
    "fake_redirect_mismatch": Magic(
        "The provider shows a page: the redirect URL is not registered.",
        {"provider_page": "redirect_mismatch"},
    ),
    "fake_unknown_client": Magic(
        "The provider shows a page: the app is not known.",
        {"provider_page": "unknown_client", "token_error": {"reason": "unknown_client"}},
    ),
    "fake_denied": Magic("Any button on the consent page sends access_denied.", {"deny": True}),
    "fake_partial": Magic("Only the first requested scope is granted.", {"partial_scopes": 1}),
    "fake_admin_approval": Magic(
        "The provider shows a page: an administrator must approve the app.",
        {"provider_page": "admin_approval"},
    ),
    "fake_slow": Magic("The token endpoint takes 5 seconds.", {"token_delay": {"seconds": 5}}),
    "fake_no_refresh": Magic("No refresh token is issued.", {"no_refresh": True}),
    "fake_expires_1m": Magic("Access tokens live 60 seconds.", {"token_lifetime": 60}),
    "fake_other_account": Magic(
        "Each authorization is another account id with the same email.", {"other_account": True}
    ),
    "fake_server_error": Magic(
        "The token endpoint answers 503.", {"token_status": {"status": 503}}
    ),
    "fake_html": Magic("The token endpoint answers 200 with an HTML page.", {"token_body": _HTML}),
    "fake_invalid_scope": Magic(
        "The authorization endpoint sends invalid_scope back at once.",
        {"callback_error": "invalid_scope"},
    ),
}
