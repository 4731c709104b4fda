"""What runs in a worker process: functions of values that wire their own engines.

A process keeps its solver, and with it the repodata in memory, from one task to the next.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gitstore.errors import GitstoreError, TaskCrashedError, TaskMemoryError
from gitstore.files import remove_tree
from gitstore.model.channels import redact
from gitstore.model.work import (
    BuildOutcome,
    BuildRequest,
    PublishedArtifact,
    Solution,
    SolveRequest,
    Target,
)
from gitstore.pipeline.build import build_and_publish
from gitstore.pipeline.publish import copy_artifact
from gitstore.publishers import make_publisher

if TYPE_CHECKING:
    from gitstore.pipeline.ports import Solver

# What engines say instead of raising MemoryError.
_NO_MEMORY = re.compile(r"can't start new thread|allocation error|not enough memory", re.IGNORECASE)
_P = ParamSpec("_P")
_T = TypeVar("_T")


@cache
def _solver(cache_folder: str, name: str) -> Solver:
    if name == "conda-lock":
        from gitstore.solvers.condalock import CondaLockSolver  # noqa: PLC0415  an extra

        return CondaLockSolver(Path(cache_folder))
    from gitstore.solvers.halves import BothHalves  # noqa: PLC0415  the engines load in workers

    return BothHalves(Path(cache_folder))


def _as_values(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make of any crash a value for the one environment that met it.

    The engines are Rust: a panic of theirs is no Exception and may not even travel between
    processes.
    """

    @wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except GitstoreError:
            raise
        except BaseException as exc:  # noqa: BLE001  see above
            if isinstance(exc, MemoryError) or _NO_MEMORY.search(str(exc)):
                raise TaskMemoryError(
                    "a worker may not have the memory that this takes",
                    hint="raise `executor: {memory: …}` in store.yml, or use fewer workers",
                ) from None
            said = next(iter(str(exc).splitlines()), "")
            error = TaskCrashedError(
                redact(f"a mistake of gitstore or of its engine: {type(exc).__name__}: {said}"),
                hint="report it with the log of the failure record",
            )
            error.log = redact("".join(traceback.format_exception(exc))[-4000:])
            raise error from None

    return guarded


def warm_task() -> None:
    """Load the engines, so that the first task of a process need not."""
    import gitstore.builders.local  # noqa: PLC0415
    import gitstore.solvers.halves  # noqa: F401, PLC0415


@_as_values
def solve_task(cache_folder: str, request: SolveRequest) -> Solution:
    """Solve one environment on all its platforms."""
    return _solver(cache_folder, request.solver).solve(request)


@_as_values
def build_task(request: BuildRequest, targets: Mapping[str, Sequence[Target]]) -> BuildOutcome:
    """Build one platform's content and publish it to the targets of each kind."""
    from gitstore.builders.local import LocalBuilder  # noqa: PLC0415  the engine loads in workers

    publishers = {
        kind: [make_publisher(target) for target in names] for kind, names in targets.items()
    }
    return build_and_publish(request, LocalBuilder(), publishers)


@_as_values
def copy_task(
    artifacts: Sequence[PublishedArtifact],
    targets: Sequence[Target],
    wanted: Mapping[str, Sequence[str]],
    work: str,
) -> tuple[PublishedArtifact, ...]:
    """Bring artifacts to targets that do not have them; ``wanted`` names targets for each kind."""
    publishers = {target.name: make_publisher(target) for target in targets}
    folder = Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return tuple(
            copy_artifact(artifact, publishers, wanted[artifact.kind], folder)
            for artifact in artifacts
        )
    finally:
        remove_tree(folder)
