"""What runs in a worker process: functions of values that wire their own engines.

A process keeps its solver, and with it the repodata in memory, from one task to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gitstore.files import remove_tree
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


@cache
def _solver(cache_folder: str) -> Solver:
    from gitstore.solvers.rattler import RattlerSolver  # noqa: PLC0415  the engine loads in workers

    return RattlerSolver(Path(cache_folder))


def solve_task(cache_folder: str, request: SolveRequest) -> Solution:
    """Solve one environment on all its platforms."""
    return _solver(cache_folder).solve(request)


def build_task(request: BuildRequest, targets: Mapping[str, Sequence[Target]]) -> BuildOutcome:
    """Build one platform's content and publish it to the targets of each kind."""
    from gitstore.builders.local import LocalBuilder  # noqa: PLC0415  the engine loads in workers

    publishers = {
        kind: [make_publisher(target) for target in names] for kind, names in targets.items()
    }
    return build_and_publish(request, LocalBuilder(), publishers)


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
