"""gunicorn for production and for the demo. Addresses are logged without queries and tickets."""

import os
import socket
import struct
from typing import Any

from gunicorn.glogging import Logger


class AccessLog(Logger):
    """The access log without the tickets that links have in their paths."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        """Return what the format may use."""
        # Only now: the configuration is read before the project can be imported.
        from portal.logs import without_tickets

        found = super().atoms(resp, req, environ, request_time)
        return {
            name: without_tickets(value) if isinstance(value, str) else value
            for name, value in found.items()
        }


# What a client may pause between two packets. Threads are few, and one that waits serves nobody.
READ_TIMEOUT = int(os.environ.get("READ_TIMEOUT", "10"))


def when_ready(server: Any) -> None:
    """Give reads a deadline: a connection takes it over from the socket that accepted it."""
    for listener in server.LISTENERS:
        seconds = struct.pack("ll", READ_TIMEOUT, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)


bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# Longer than the deadline of a call to a provider, so that a stop does not cut one off.
graceful_timeout = 30
timeout = 60
keepalive = 5
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
control_socket_disable = True
accesslog = "-"
logger_class = AccessLog
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s %(M)sms"
