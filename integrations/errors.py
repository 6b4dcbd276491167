"""Everything the domain can refuse, each with a code a page, an API answer or the SDK can show."""

from __future__ import annotations

from dataclasses import dataclass


class ConnectError(Exception):
    """Base of every refusal: `code` is stable and public, never contains data."""

    code = "internal_error"

    def __init__(self, code: str | None = None) -> None:
        self.code = code or type(self).code
        super().__init__(self.code)


class CatalogError(Exception):
    """A catalog file that may not be served: names the file, the key and the reason."""

    def __init__(self, *, file: str, key: str, reason: str) -> None:
        self.file, self.key, self.reason = file, key, reason
        super().__init__(f"{file}: {key}: {reason}")


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: the text names the next step and never echoes a secret."""

    field: str
    code: str
    message: str


class InvalidInput(ConnectError):
    """What a person or an API caller typed cannot be used."""

    code = "validation_failed"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class NotAllowed(ConnectError):
    """The caller's project, policy or session does not permit this."""

    code = "forbidden"


class NotFound(ConnectError):
    """There is no such thing for this caller: other tenants' objects look the same as none."""

    code = "not_found"


class SessionInvalid(ConnectError):
    """The portal session is unknown, ended or expired, or the user token was refused.

    `origin` is where an expired session was embedded, so that its page can say so there.
    """

    code = "session_invalid"

    def __init__(self, code: str | None = None, *, origin: str = "") -> None:
        super().__init__(code)
        self.origin = origin


class RateLimited(ConnectError):
    """Something was done too often: it may be tried again in `retry_after` seconds (RFC 6585)."""

    code = "rate_limited"

    def __init__(self, code: str | None = None, *, retry_after: int) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class FlowClosed(ConnectError):
    """The flow has ended, so this step cannot be taken any more."""

    code = "flow_closed"


class AuthorizationFailed(ConnectError):
    """The authorization response may not be used (RFC 6749 section 10.12, RFC 9700 section 4.7)."""

    code = "authorization_failed"


class IntegrityBroken(ConnectError):
    """A stored secret is not what this row may hold; it is recorded and never used."""

    code = "integrity_error"


class ProviderFailure(ConnectError):
    """The provider refused, or its answer cannot be used.

    `sent` is False only where it is certain that no byte of the request reached the provider.
    `seen` are the codes that its answer has, the most telling first.
    """

    code = "provider_error"

    def __init__(
        self,
        code: str | None = None,
        *,
        provider_error: str = "",
        seen: tuple[str, ...] = (),
        sent: bool = True,
    ) -> None:
        super().__init__(code)
        self.provider_error = provider_error
        self.seen = seen
        self.sent = sent


class GrantRevoked(ProviderFailure):
    """The provider no longer honours the refresh token (RFC 6749 section 5.2, invalid_grant)."""

    code = "needs_reauth"


class ClientRejected(ProviderFailure):
    """The provider does not accept the client's credentials (RFC 6749 section 5.2)."""

    code = "invalid_client"


class ProviderUnavailable(ProviderFailure):
    """The provider could not be reached or asked us to wait: `retry_after` in seconds, if known."""

    code = "provider_unreachable"

    def __init__(
        self, code: str | None = None, *, retry_after: int | None = None, sent: bool = True
    ) -> None:
        super().__init__(code, sent=sent)
        self.retry_after = retry_after


class ConnectionUnusable(ConnectError):
    """The connection cannot give a token until a person acts; the code says why."""

    code = "needs_reauth"


class SealBroken(Exception):
    """An encrypted value does not belong to the row and column it was read from."""
