"""Cursors of lists: where the page before ended, opaque to whoever passes it back."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from pydantic import BaseModel

from integrations.errors import FieldError, InvalidInput

MAX_PAGE = 200


def limited(limit: int) -> int:
    """Return a page size that is offered."""
    return max(1, min(limit, MAX_PAGE))


def refuse_unknown(request: HttpRequest, query: type[BaseModel]) -> None:
    """Raise InvalidInput for a filter that does not exist: ignored, it would list everything."""
    if unknown := sorted(set(request.GET) - set(query.model_fields)):
        names = ", ".join(query.model_fields)
        raise InvalidInput(*(FieldError(name[:64], "unknown", f"Use {names}.") for name in unknown))


def one_of(field: str, value: str, known: Any) -> str:
    """Return the value if it is a known one. Raises InvalidInput."""
    if value not in known:
        raise InvalidInput(FieldError(field, "invalid", f"Use one of {', '.join(known)}."))
    return value


def by_time(row: Any) -> str:
    """Return the cursor after a row of a list that is newest first."""
    return _wrapped(f"{row.created_at.isoformat()}|{row.pk}")


def after_time(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Return the rows that follow the cursor. Raises InvalidInput."""
    try:
        moment, pk = _unwrapped(cursor).split("|")
        at, last = datetime.fromisoformat(moment), UUID(pk)
        # A moment that no clock shows, such as 0001-01-01 east of Greenwich, overflows here.
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse()
    if at.tzinfo is None:
        _refuse()
    return rows.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=last))


def by_sequence(row: Any) -> str:
    """Return the cursor after a row of a numbered list, newest first."""
    return _wrapped(f"#{row.sequence}")


def after_sequence(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Return the rows that follow the cursor. Raises InvalidInput."""
    text = _unwrapped(cursor)
    if not (text.startswith("#") and text[1:].isascii() and text[1:].isdecimal()):
        _refuse()
    if len(text) > 16:
        _refuse()
    return rows.filter(sequence__lt=int(text[1:]))


def _wrapped(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _unwrapped(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (ValueError, binascii.Error):
        _refuse()


def _refuse() -> NoReturn:
    message = "Use next_cursor of the page before, unchanged."
    raise InvalidInput(FieldError("cursor", "invalid", message)) from None
