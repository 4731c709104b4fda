"""Workers that are lost, late or stopped: exactly one task's business each."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from gitstore.errors import SolveError, TaskCrashedError, TaskLostError, TaskTimeoutError
from gitstore.executors.local import LocalExecutor


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    found = LocalExecutor(2)
    yield found
    found.stop()


def double(number: int) -> int:
    return number * 2


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def refuse(_: int) -> None:
    raise SolveError("no", hint="try", where="here", code="unsolvable")


def test_tasks_run_and_answer(executor: LocalExecutor) -> None:
    futures = [executor.submit_task(double, n, timeout=60) for n in range(10)]
    assert [future.result() for future in futures] == [n * 2 for n in range(10)]


def note(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()


def test_a_process_that_was_warmed_up_takes_the_first_task(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    executor.warm_up(partial(note, str(tmp_path)))
    process = executor.submit_task(os.getpid, timeout=60).result()
    assert [path.name for path in tmp_path.iterdir()] == [str(process)]


def hoard(megabytes: int) -> int:
    return len(bytearray(megabytes * 1024 * 1024))


def test_a_task_that_wants_too_much_memory_fails_alone() -> None:
    executor = LocalExecutor(1, memory=300 * 1024**2)
    try:
        with pytest.raises(MemoryError):
            executor.submit_task(hoard, 1000, timeout=60).result()
        assert executor.submit_task(hoard, 1, timeout=60).result() == 1024**2
    finally:
        executor.stop()


def test_a_worker_that_dies_is_one_task_lost(executor: LocalExecutor) -> None:
    lost = executor.submit_task(die, 1, timeout=60)
    fine = [executor.submit_task(double, n, timeout=60) for n in range(4)]
    with pytest.raises(TaskLostError):
        lost.result()
    assert [future.result() for future in fine] == [0, 2, 4, 6]


def test_a_task_whose_worker_is_lost_once_runs_again(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    assert executor.submit_task(die_once, str(tmp_path / "m"), timeout=60).result() == "alive"


def test_a_task_that_takes_too_long_is_killed(executor: LocalExecutor) -> None:
    late = executor.submit_task(sleep, 60, timeout=0.5)
    with pytest.raises(TaskTimeoutError, match="stopped after"):
        late.result(timeout=20)
    assert executor.submit_task(double, 4, timeout=60).result() == 8


def test_errors_keep_their_hints_on_the_way(executor: LocalExecutor) -> None:
    with pytest.raises(SolveError) as caught:
        executor.submit_task(refuse, 1, timeout=60).result()
    error = caught.value
    assert (error.hint, error.where, error.code) == ("try", "here", "unsolvable")


def test_stop_leaves_no_process() -> None:
    executor = LocalExecutor(2)
    running = [executor.submit_task(sleep, 60, timeout=90) for _ in range(4)]
    while not psutil.Process().children(recursive=True):
        time.sleep(0.01)
    time.sleep(0.3)
    started = time.monotonic()
    executor.stop()
    assert time.monotonic() - started < 20
    assert all(future.done() for future in running)
    assert [
        p
        for p in psutil.Process().children(recursive=True)
        if "spawn_main" in " ".join(p.cmdline())
    ] == []


def test_a_crash_of_an_engine_is_a_value_with_its_trace(executor: LocalExecutor) -> None:
    from gitstore.tasks import build_task

    future = executor.submit_task(build_task, None, {}, timeout=60)
    with pytest.raises(TaskCrashedError, match="AttributeError") as caught:
        future.result()
    assert caught.value.code == "bug"
    assert "Traceback" in str(caught.value.log)
