"""Log lines hold no ticket, whoever writes them."""

from __future__ import annotations

import logging

import pytest

from portal.logs import NoTickets, without_tickets

TICKET = "canary-of-a-ticket-0123456789-0123456789-01"


@pytest.mark.parametrize(
    "text",
    [
        f"/hosted/{TICKET}",
        f"/hosted/{TICKET}/",
        f"/handoff/{TICKET}",
        f"GET /hosted/{TICKET} HTTP/1.1",
        f"https://connect.example/hosted/{TICKET}?x=1",
        f"Not Found: /hosted/{TICKET}",
    ],
)
def test_a_ticket_is_taken_out(text):
    assert TICKET not in without_tickets(text)
    assert "***" in without_tickets(text)


@pytest.mark.parametrize("text", ["/portal/hosted", "/hosted/", "/api/v1/sessions", ""])
def test_the_rest_is_left(text):
    assert without_tickets(text) == text


@pytest.mark.parametrize("args", [(f"/hosted/{TICKET}",), (), (404, f"/hosted/{TICKET}")])
def test_a_record_is_cleaned_and_kept(args):
    text = " ".join(["%s"] * len(args)) or f"/hosted/{TICKET}"
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, text, args, None)
    assert NoTickets().filter(record)
    assert TICKET not in record.getMessage()


def test_every_handler_takes_them_out(settings):
    handlers = settings.LOGGING["handlers"].values()
    assert all("no_tickets" in handler["filters"] for handler in handlers)
