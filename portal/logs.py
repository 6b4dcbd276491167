"""What a log line must not hold: tickets, the one secret that is ever part of an address."""

from __future__ import annotations

import logging
import re
from typing import Any

TICKET = re.compile(r"(/(?:hosted|handoff)/)[^/?#\s]+")


def without_tickets(text: str) -> str:
    """Return a line or an address with every ticket in it taken out."""
    return TICKET.sub(r"\1***", text)


class NoTickets(logging.Filter):
    """Take tickets out of whatever is logged, such as Django's own line about a refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record; none is dropped."""
        record.msg = without_tickets(str(record.msg))
        if isinstance(record.args, tuple):
            record.args = tuple(_clean(value) for value in record.args)
        return True


def _clean(value: Any) -> Any:
    return without_tickets(value) if isinstance(value, str) else value
