"""The Idempotency-Key header on operations that change something."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema, Status

from integrations import idempotency
from integrations.idempotency import Answered
from portal.api.auth import Vendor, caller

HEADER = "Idempotency-Key"
Operation = Callable[..., Any]


def idempotent(*, kept: bool = True) -> Callable[[Operation], Operation]:
    """Do an operation once for each key. `kept` is false where the answer holds a token or ticket.

    Such an answer is made anew each time; that its request came before is known all the same, so
    the key cannot be used for another one. The operation must read its body through ninja.
    """

    def decorate(operation: Operation) -> Operation:
        @wraps(operation)
        def once(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if (header := request.headers.get(HEADER)) is None:
                return operation(request, *args, **kwargs)
            return _once(request, header, kept, lambda: operation(request, *args, **kwargs))

        # ninja reads annotations, which are names of the operation's own module.
        once.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
        once.honours_idempotency_key = True  # type: ignore[attr-defined]
        return once

    return decorate


def _once(request: HttpRequest, header: str, kept: bool, work: Callable[[], Any]) -> Any:
    vendor: Vendor = caller(request)
    key = idempotency.checked_key(header)
    got = idempotency.claim(project=vendor.project, key=key, fingerprint=_fingerprint(request))
    if isinstance(got, Answered):
        return work() if got.body is None else _repeated(got)
    try:
        result = work()
    except BaseException:
        idempotency.give_up(got)
        raise
    status, body = _worded(result)
    idempotency.finish(claim=got, status=status, body=body if kept else None)
    return result


def _fingerprint(request: HttpRequest) -> str:
    parts = [str(request.method), request.path, request.META.get("QUERY_STRING", "")]
    head = json.dumps(parts).encode()
    return hashlib.sha256(head + b"\n" + request.body).hexdigest()


def _worded(result: Any) -> tuple[int, str]:
    status, value = (
        (result.status_code, result.value) if isinstance(result, Status) else (200, result)
    )
    return status, value.model_dump_json() if isinstance(value, Schema) else ""


def _repeated(answer: Answered) -> HttpResponse:
    kind = {"content_type": "application/json"} if answer.body else {}
    response = HttpResponse(answer.body, status=answer.status, **kind)
    response.headers["Idempotent-Replayed"] = "true"
    return response
