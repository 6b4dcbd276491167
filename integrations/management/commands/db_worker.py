"""Run the background work: refreshes, revocations, webhooks, sweeping."""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django_tasks_db.management.commands import db_worker

from integrations.management.worker import MIN_THREADS, PoolWorker

THREADS, INTERVAL = 24, 0.5
LOGGERS = ("django_tasks", "django_tasks_db")


class Command(db_worker.Command):
    """The library's command with a pool of threads. Any number may run, also on other machines."""

    help = (
        "Run the background worker. SIGTERM lets it finish what it is at; killed at any point it "
        "loses nothing. Start one or more beside the web processes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the library's arguments, the number of threads and the form of the report."""
        super().add_arguments(parser)
        parser.set_defaults(queue_name="*", interval=INTERVAL, reload=False)
        parser.add_argument("--threads", type=int, default=THREADS, metavar="NUMBER")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON document at the end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped. Raises CommandError for too few threads."""
        threads: int = options["threads"]
        if threads < MIN_THREADS:
            raise CommandError(f"--threads must be at least {MIN_THREADS}.")
        # A beat every two seconds would be most of the log.
        for name in LOGGERS if options["verbosity"] == 1 else (*LOGGERS, "integrations"):
            if options["verbosity"] < 2:
                logging.getLogger(name).setLevel(logging.WARNING)
        _widen_pool(threads)
        worker = PoolWorker(
            threads=threads,
            queue_names=options["queue_name"].split(","),
            excluded_queue_names=[name for name in options["exclude_queues"].split(",") if name],
            worker_id=options["worker_id"],
            interval=options["interval"],
            batch=options["batch"],
            backend_name=options["backend_name"],
            startup_delay=False,
            max_tasks=options["max_tasks"],
        )
        worker.configure_signals()
        worker.run()
        if options["json"]:
            self.stdout.write(json.dumps({"worker": worker.worker_id, "tasks": worker.run_count}))


def _widen_pool(threads: int) -> None:
    """Let each thread have a connection of its own: it keeps it while it waits for a provider."""
    pool = connections["default"].settings_dict["OPTIONS"].get("pool")
    if isinstance(pool, dict):
        pool["max_size"] = max(pool.get("max_size", 0), threads + 2)
