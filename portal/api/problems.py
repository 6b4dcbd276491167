"""Errors as problem documents, one shape for all (RFC 9457)."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from integrations.errors import (
    ConnectError,
    FieldError,
    FlowClosed,
    IntegrityBroken,
    InvalidInput,
    NotAllowed,
    NotFound,
    ProviderUnavailable,
    RateLimited,
    SessionInvalid,
)
from integrations.idempotency import KeyReused, StillRunning
from integrations.tokens import ConnectionUnusable
from portal import limits, texts
from portal.api.body import MAX_NAME, BodyRefused
from portal.api.schemas import FieldProblem, Problem
from portal.middleware import request_id

ERROR_HEADER = "Connect-Portal-Error"
STATUS: dict[type[ConnectError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    SessionInvalid: 401,
    InvalidInput: 422,
    FlowClosed: 409,
    StillRunning: 409,
    KeyReused: 422,
    IntegrityBroken: 500,
    ConnectionUnusable: 409,
    ProviderUnavailable: 503,
    RateLimited: 429,
}


def problem(
    request: HttpRequest, *, status: int, code: str, errors: Sequence[FieldError] = ()
) -> HttpResponse:
    """Return a problem document. It names fields and codes, never a value."""
    words = texts.notice(code)
    document = Problem(
        type=f"{settings.BASE_URL}/errors/{code}",
        title=words.title,
        status=status,
        code=code,
        display_message=words.text,
        suggested_action=words.action,
        request_id=request_id(request),
        errors=[FieldProblem(field=e.field, code=e.code, message=e.message) for e in errors],
    )
    response = HttpResponse(
        document.model_dump_json(), status=status, content_type="application/problem+json"
    )
    # What a provider answered through us never has this header, whatever it looks like.
    response.headers[ERROR_HEADER] = code
    return response


def register(api: NinjaAPI) -> None:
    """Make every error of the API a problem document."""
    api.exception_handler(ConnectError)(_refused)
    api.exception_handler(ValidationError)(_invalid)
    api.exception_handler(AuthenticationError)(_unauthenticated)
    api.exception_handler(HttpError)(_http)
    api.exception_handler(BodyRefused)(_unread)


def _refused(request: HttpRequest, error: ConnectError) -> HttpResponse:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 502)
    errors = error.errors if isinstance(error, InvalidInput) else ()
    response = problem(request, status=status, code=error.code, errors=errors)
    if isinstance(error, ProviderUnavailable):
        response.headers["Retry-After"] = str(error.retry_after or 5)
    if isinstance(error, RateLimited):
        limits.told(response, error)
    if isinstance(error, StillRunning):
        response.headers["Retry-After"] = "1"
    return response


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [FieldError(_field(item["loc"]), "invalid", item["msg"]) for item in error.errors]
    return problem(request, status=400, code="validation_failed", errors=errors)


def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = problem(request, status=401, code="unauthorized")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _field(where: Sequence[object]) -> str:
    # The first parts name the function's argument, which callers do not know.
    known = [str(part)[:MAX_NAME] for part in where if part not in ("body", "payload")]
    return ".".join(known) or "body"


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    refused = error.__cause__
    if isinstance(refused, BodyRefused):
        return _unread(request, refused)
    return problem(request, status=error.status_code, code="bad_request")


def _unread(request: HttpRequest, error: BodyRefused) -> HttpResponse:
    named = [FieldError(error.field, "invalid", error.message)] if error.field else []
    return problem(request, status=error.status, code=error.code, errors=named)
