"""The worker's loop: one thread takes tasks from the queue, a pool of threads runs them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

from django.db import OperationalError, close_old_connections, connections
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction, is_locked_database_exception

from integrations import tasks, tokens

log = logging.getLogger(__name__)

# What part of the threads one queue may use, so that nothing slow can use up all of them. The
# rest of the queues, first the heartbeat's, find the threads that are left.
SHARES = {"refreshes": 0.5, "webhooks": 0.2, "late-webhooks": 0.1, "revocations": 0.1}
MIN_THREADS = 6
PAUSE = 0.1


class PoolWorker(Worker):
    """The library's worker with threads, and with a heartbeat that somebody looks after."""

    def __init__(self, *, threads: int, **options: Any) -> None:
        super().__init__(**options)
        self.threads = threads
        self._limits = {queue: max(1, int(threads * part)) for queue, part in SHARES.items()}
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._look_at = 0.0

    @property
    def run_count(self) -> int:
        """How many tasks were run."""
        return self._run_tasks

    def run(self) -> None:
        """Take and run tasks until asked to stop, then wait for those that are running."""
        log.info("worker %s started with %d threads", self.worker_id, self.threads)
        # At once, not after a silence: a worker that was killed may have taken the last beat.
        self._guarded(first=True)
        self._import_spool()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="task") as pool:
            while self.running and not self._is_finished():
                close_old_connections()
                self._guarded()
                found = self._taken()
                if found is not None:
                    pool.submit(self._run, found)
                elif self.batch and not self._running():
                    break
                else:
                    self._rest()
        connections.close_all()
        log.info("worker %s stopped", self.worker_id)

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Take no more tasks and let the running ones end early; the second time, stop at once."""
        if not self.running:
            # Leases end by themselves, so that even this loses nothing.
            os._exit(1)
        self.running = False
        tasks.Stopping.requested = True

    def _guarded(self, *, first: bool = False) -> None:
        """Begin the heartbeat where there is none. A database that is away is waited for."""
        if self.batch:
            return
        try:
            if first:
                tasks.ensure_heartbeat(silent_for=tasks.BEAT * 0)
            elif time.monotonic() >= self._look_at:
                tasks.ensure_heartbeat()
            else:
                return
        except OperationalError as error:
            log.warning("the heartbeat could not be looked after: %s", type(error).__name__)
        self._look_at = time.monotonic() + tasks.BEAT.total_seconds()

    def _import_spool(self) -> None:
        try:
            tokens.import_spool()
        except Exception as error:  # noqa: BLE001
            # The sweep tries again every minute; nothing there may keep a worker from starting.
            log.error("the spool could not be imported: %s", type(error).__name__)  # noqa: TRY400

    def _taken(self) -> DBTaskResult[Any, Any] | None:
        """Take the next task of a queue that has a thread left, if there is one."""
        with self._lock:
            if sum(self._busy.values()) >= self.threads:
                return None
            full = [name for name, limit in self._limits.items() if self._busy[name] >= limit]
        ready = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        ready = ready.exclude(queue_name__in=[*full, *self.excluded_queue_names])
        if not self.process_all_queues:
            ready = ready.filter(queue_name__in=self.queue_names)
        try:
            # Looked at first without a lock: an idle worker must not hold up those that write.
            if not ready.exists():
                return None
            with exclusive_transaction(ready.db):
                if (found := ready.get_locked()) is not None:
                    found.claim(self.worker_id)
        except OperationalError as error:
            if not is_locked_database_exception(error):
                log.warning("the queue could not be read: %s", type(error).__name__)
                connections.close_all()
            return None
        if found is not None:
            with self._lock:
                self._busy[found.queue_name] += 1
        return found

    def _run(self, result: DBTaskResult[Any, Any]) -> None:
        try:
            self.run_task(result)
        except Exception as error:  # noqa: BLE001
            # Its result could not be stored; what it was about is in rows of our own.
            log.error("task %s was not recorded: %s", result.id, type(error).__name__)  # noqa: TRY400
        finally:
            connections.close_all()
            with self._lock:
                self._busy[result.queue_name] -= 1

    def _running(self) -> bool:
        with self._lock:
            return sum(self._busy.values()) > 0

    def _is_finished(self) -> bool:
        return self.max_tasks is not None and self._run_tasks >= self.max_tasks

    def _rest(self) -> None:
        # While others run, the next task is probably near.
        pause = min(self.interval, PAUSE) if self._running() else self.interval
        until = time.monotonic() + pause
        while self.running and time.monotonic() < until:
            time.sleep(min(PAUSE, pause))
