"""What the server refuses, and why, before a profile puts it into its own words."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Name one cause of refusal; the journal records it as the outcome."""

    BAD_FORMAT = "bad_format"
    BAD_REQUEST = "bad_request"
    BAD_CREDENTIALS = "bad_credentials"
    WRONG_AUTH_METHOD = "wrong_auth_method"
    UNKNOWN_CLIENT = "unknown_client"
    WRONG_SECRET = "wrong_secret"
    EXPIRED_SECRET = "expired_secret"
    UNSUPPORTED_GRANT = "unsupported_grant"
    UNSUPPORTED_RESPONSE = "unsupported_response"
    MISSING_PARAMETER = "missing_parameter"
    UNKNOWN_CODE = "unknown_code"
    EXPIRED_CODE = "expired_code"
    REUSED_CODE = "reused_code"
    REDIRECT_MISMATCH = "redirect_mismatch"
    MISSING_CHALLENGE = "missing_challenge"
    BAD_CHALLENGE = "bad_challenge"
    PKCE_REFUSED = "pkce_refused"
    MISSING_VERIFIER = "missing_verifier"
    WRONG_VERIFIER = "wrong_verifier"
    UNKNOWN_REFRESH_TOKEN = "unknown_refresh_token"
    EXPIRED_REFRESH_TOKEN = "expired_refresh_token"
    REUSED_REFRESH_TOKEN = "reused_refresh_token"
    UNKNOWN_SCOPE = "unknown_scope"
    MISSING_SCOPE = "missing_scope"
    WIDER_SCOPE = "wider_scope"
    DENIED = "denied"
    ADMIN_APPROVAL = "admin_approval"
    INVALID_TOKEN = "invalid_token"
    EXPIRED_TOKEN = "expired_token"
    INSUFFICIENT_SCOPE = "insufficient_scope"


_INVALID_CLIENT = ("invalid_client", "Client authentication failed.")
_GRANT = "invalid_grant"

# Error code and description for each reason (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 3.1).
DEFAULTS: dict[Reason, tuple[str, str]] = {
    Reason.BAD_FORMAT: ("invalid_request", "The body has the wrong format."),
    Reason.BAD_REQUEST: ("invalid_request", "The request is malformed."),
    Reason.BAD_CREDENTIALS: _INVALID_CLIENT,
    Reason.WRONG_AUTH_METHOD: ("invalid_client", "This client authentication is not supported."),
    Reason.UNKNOWN_CLIENT: _INVALID_CLIENT,
    Reason.WRONG_SECRET: _INVALID_CLIENT,
    Reason.EXPIRED_SECRET: ("invalid_client", "The client secret has expired."),
    Reason.UNSUPPORTED_GRANT: ("unsupported_grant_type", "This grant type is not supported."),
    Reason.UNSUPPORTED_RESPONSE: ("unsupported_response_type", "Only code is supported."),
    Reason.MISSING_PARAMETER: ("invalid_request", "A required parameter is missing."),
    Reason.UNKNOWN_CODE: (_GRANT, "The authorization code is not valid."),
    Reason.EXPIRED_CODE: (_GRANT, "The authorization code has expired."),
    Reason.REUSED_CODE: (_GRANT, "The authorization code was already used."),
    Reason.REDIRECT_MISMATCH: (_GRANT, "redirect_uri differs from the authorization request."),
    Reason.MISSING_CHALLENGE: ("invalid_request", "code_challenge is required."),
    Reason.BAD_CHALLENGE: ("invalid_request", "code_challenge must be of method S256."),
    Reason.PKCE_REFUSED: ("invalid_request", "code_challenge is not accepted for this app."),
    Reason.MISSING_VERIFIER: (_GRANT, "code_verifier is missing."),
    Reason.WRONG_VERIFIER: (_GRANT, "code_verifier does not fit the code_challenge."),
    Reason.UNKNOWN_REFRESH_TOKEN: (_GRANT, "The refresh token is not valid."),
    Reason.EXPIRED_REFRESH_TOKEN: (_GRANT, "The refresh token has expired."),
    Reason.REUSED_REFRESH_TOKEN: (_GRANT, "The refresh token was already used."),
    Reason.UNKNOWN_SCOPE: ("invalid_scope", "A scope is unknown or not allowed for this app."),
    Reason.MISSING_SCOPE: ("invalid_scope", "No scope was requested."),
    Reason.WIDER_SCOPE: ("invalid_scope", "A refresh cannot ask for more than was granted."),
    Reason.DENIED: ("access_denied", "The person refused access."),
    Reason.ADMIN_APPROVAL: ("access_denied", "An administrator must approve this app."),
    Reason.INVALID_TOKEN: ("invalid_token", "The access token is not valid."),
    Reason.EXPIRED_TOKEN: ("invalid_token", "The access token has expired."),
    Reason.INSUFFICIENT_SCOPE: ("insufficient_scope", "The access token lacks a scope."),
}

CLIENT_REASONS = frozenset(
    reason for reason, (code, _) in DEFAULTS.items() if code == "invalid_client"
)


class Refused(Exception):
    """Refuse a request; each endpoint and profile turns it into its own answer."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.code, description = DEFAULTS[reason]
        self.description = detail or description
        super().__init__(f"{reason.value}: {self.description}")


class ProviderPage(Exception):
    """Show an error page of the provider and send nobody back (RFC 6749 section 4.1.2.1)."""

    def __init__(self, reason: Reason, *, title: str, text: str, code: str = "") -> None:
        self.reason = reason
        self.title = title
        self.text = text
        self.code = code
        super().__init__(f"{reason.value}: {title}")


class NotFound(Exception):
    """Say that nothing lives at this address."""
