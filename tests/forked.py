"""Other processes with the same database: forked, so that they cost no start."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

from django.conf import settings
from django.db import connections

from integrations.oauth import client as oauth
from integrations.oauth.http import Transport

CRASHED = 70


def crash(*_: object, **__: object) -> None:
    """End this process at once, as `kill -9` would."""
    os._exit(CRASHED)


def start(work: Callable[[], object]) -> int:
    """Begin the work in a process of its own and return its id."""
    # Neither a database connection nor a connection to a provider may be shared.
    connections.close_all()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(60)
        oauth.use(Transport(allow=settings.OUTBOUND_ALLOW_CIDRS))
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def finished(child: int, *, within: float = 30) -> int:
    """Wait for a process and return its exit code, or minus the signal that ended it."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("a process did not end")


def run(work: Callable[[], object]) -> int:
    """Do the work in a process of its own and return its exit code."""
    return finished(start(work))


def together(count: int, work: Callable[[], object]) -> list[int]:
    """Do the work in so many processes at once and return their exit codes."""
    return [finished(child) for child in [start(work) for _ in range(count)]]
