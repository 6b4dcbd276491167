"""gunicorn for production and for the demo. Paths are logged without their query strings."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# Longer than the deadline of a call to a provider, so that a stop does not cut one off.
graceful_timeout = 30
timeout = 60
keepalive = 5
limit_request_line = 8190
control_socket_disable = True
accesslog = "-"
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s %(M)sms"
