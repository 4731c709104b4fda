"""Worker processes on this machine, each of which can be lost without losing anything else.

One single-worker pool a slot: a crash, a time-out or a kill is exactly one task's. Processes are
spawned, never forked, since the solver has threads.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from multiprocessing import resource_tracker, util
from multiprocessing.connection import wait
from typing import Any

from gitstore.errors import TaskLostError, TaskTimeoutError

_WARM_SECONDS = 60.0
_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...], float]


class LocalExecutor:
    """Runs module-level functions of picklable values in ``workers`` processes.

    ``memory`` is the most data, in bytes, that a process may have; one that wants more fails.
    """

    def __init__(self, workers: int, *, memory: int | None = None) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._slots = [_Slot(self._tasks, self._stopped, memory) for _ in range(workers)]
        self._started = 0
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def capacity(self) -> int:
        """How many tasks to have in hand: each worker's own, and some while results are taken."""
        return 4 * len(self._slots)

    def submit_task(self, function: Callable[..., Any], *args: Any, timeout: float) -> Future[Any]:
        """Queue a task; a process is started only when one is needed.

        The future fails with TaskLostError where the process died and with TaskTimeoutError
        where it was killed after ``timeout`` seconds.
        """
        future: Future[Any] = Future()
        with self._lock:
            self._waiting += 1
            if self._started < len(self._slots) and self._started < self._waiting:
                self._slots[self._started].start()
                self._started += 1
        future.add_done_callback(self._count_down)
        self._tasks.put((future, function, args, timeout))
        return future

    def warm_up(self, function: Callable[[], Any]) -> None:
        """Start one process before there is a task for it, and let it load what tasks need."""
        with self._lock:
            if self._started:
                return
            self._slots[0].start()
            self._started = 1
        self._tasks.put((Future(), function, (), _WARM_SECONDS))

    def stop(self) -> None:
        """Kill what runs, drop what waits, and return when no process is left."""
        self._stopped.set()
        for slot in self._slots[: self._started]:
            self._tasks.put(None)
            slot.kill()
        for slot in self._slots[: self._started]:
            slot.join()

    def _count_down(self, _: Future[Any]) -> None:
        with self._lock:
            self._waiting -= 1


class _Slot:
    """A thread that hands tasks to one process, and replaces the process when it is lost."""

    def __init__(
        self,
        tasks: queue.SimpleQueue[_Task | None],
        stopped: threading.Event,
        memory: int | None,
    ) -> None:
        self._tasks = tasks
        self._stopped = stopped
        self._memory = memory
        self._pool: ProcessPoolExecutor | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def kill(self) -> None:
        pool = self._pool
        if pool is None:
            return
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.kill()

    def _serve(self) -> None:
        # Ctrl-C in a terminal reaches every process; the parent alone decides what it means. A
        # process inherits the mask of the thread that starts it, from its first instruction on.
        # The resource tracker comes first, since whoever starts it has SIGINT unblocked.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (task := self._tasks.get()) is not None:
            future, function, args, timeout = task
            if self._stopped.is_set():
                future.cancel()
                continue
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._run_twice(function, args, timeout))
            except BaseException as exc:  # noqa: BLE001  whatever a task raised belongs to its future
                future.set_exception(exc)
        self._close()

    def _run_twice(
        self, function: Callable[..., Any], args: tuple[Any, ...], timeout: float
    ) -> Any:
        """Run a task, and once more where its process was lost: tasks may be repeated."""
        try:
            return self._run(function, args, timeout)
        except TaskLostError:
            if self._stopped.is_set():
                raise
            return self._run(function, args, timeout)

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...], timeout: float) -> Any:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare_worker,
                initargs=(self._memory,),
            )
        try:
            return self._pool.submit(function, *args).result(timeout=timeout)
        except FutureTimeoutError as exc:
            self._close(kill=True)
            raise TaskTimeoutError(
                f"stopped after {timeout:.0f} s",
                hint="raise `executor: {timeouts: …}` in store.yml",
            ) from exc
        except BrokenExecutor as exc:
            self._close(kill=True)
            raise TaskLostError(
                "the worker process died",
                hint="if memory ran out, raise `executor: {memory: …}` in store.yml, or use fewer "
                "workers",
            ) from exc

    def _close(self, *, kill: bool = False) -> None:
        if kill:
            self.kill()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _prepare_worker(memory: int | None) -> None:
    """Bound a worker's memory, and make it end with its parent, quietly.

    A parent that was killed closes its end of a pipe. And CPython 3.11 can crash while it takes
    itself apart after py-rattler's installer has run, so a worker ends before that.
    """
    if memory is not None:
        # Only what a process allocates: files that it maps, such as repodata, cost no memory.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=_end_with, args=(sentinel,), daemon=True).start()
    util.Finalize(None, os._exit, args=(0,), exitpriority=-1000)


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
