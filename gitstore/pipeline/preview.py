"""Preview: a plan carried through the solve. What would really change, with no effects."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gitstore.errors import GitstoreError
from gitstore.model.cutoff import cutoff_text
from gitstore.model.edits import patch_of
from gitstore.model.environment import LoadedEnvironment, SpecTree, TreeEntry
from gitstore.model.lockdiff import LockDiff, diff_lockfiles
from gitstore.model.lockfile import Lockfile
from gitstore.model.lockread import parse_lockfile
from gitstore.model.records import History
from gitstore.model.report import error_dict
from gitstore.model.rules import Rules
from gitstore.model.work import Network, Solution
from gitstore.pipeline.judge import judge_lockfile, judge_spec
from gitstore.pipeline.load import load_spec
from gitstore.pipeline.ports import SourceTree, TaskExecutor
from gitstore.pipeline.solve import direct_names, lockfile_of, solve_request
from gitstore.tasks import solve_task


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformSize:
    """How many packages a platform gets, and what they weigh compressed, in bytes."""

    packages: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What would become of one environment. ``diff`` is None where nothing would be solved."""

    environment: str
    status: str
    diff: LockDiff | None = None
    sizes: Mapping[str, PlatformSize] | None = None
    virtual_packages: Mapping[str, Mapping[str, str]] | None = None
    dropped: Mapping[str, str] | None = None
    error: GitstoreError | None = None

    def to_dict(self) -> dict[str, Any]:
        sizes = self.sizes or {}
        return {
            "environment": self.environment,
            "status": self.status,
            "changes": self.diff.to_dict() if self.diff else None,
            "platforms": {
                name: {"packages": size.packages, "bytes": size.bytes}
                for name, size in sizes.items()
            },
            "virtual_packages": {k: dict(v) for k, v in (self.virtual_packages or {}).items()},
            "dropped": dict(self.dropped or {}),
            "error": error_dict(self.error) if self.error else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewRequest:
    """What a preview needs: the files, where solves run, whose rules count, what is looked at."""

    source: SourceTree
    tree: SpecTree
    executor: TaskExecutor
    cache: Path
    runner_platform: str
    rules: Rules
    network: Network
    timeout: float
    selected: frozenset[str] | None = None
    history: History = field(default_factory=History)
    now: datetime
    strategy: str = "highest"

    def is_verified(self, environment: LoadedEnvironment) -> bool:
        """Say whether a solve record of this very input knows the lockfile that stands there."""
        known = self.history.solve(environment.name, environment.input or "")
        lock = environment.lock
        return known is not None and lock is not None and known.lock == lock.oid


def make_previews(request: PreviewRequest) -> list[Preview]:
    """Solve every environment whose lockfile no solve record knows, and compare.

    What a lockfile says of itself is a claim, also the input that it was made for.
    """
    previews: list[Preview] = []
    running: dict[Future[Any], _Job] = {}
    for environment in request.tree.environments:
        if request.selected is not None and environment.name not in request.selected:
            continue
        begun = _begin(request, environment)
        if isinstance(begun, Preview):
            previews.append(begun)
        else:
            running[begun[0]] = begun[1]
    for future in as_completed(running):
        previews.append(_finish(request, running[future], future))
    return sorted(previews, key=lambda preview: preview.environment)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    environment: LoadedEnvironment
    spec: Any
    previous: Lockfile | None


def _begin(
    request: PreviewRequest, environment: LoadedEnvironment
) -> Preview | tuple[Future[Any], _Job]:
    name = environment.name
    if environment.spec is None:
        return Preview(environment=name, status="lock-only")
    if not environment.is_valid:
        return Preview(environment=name, status="spec-invalid")
    try:
        previous = _lockfile(request.source, environment.lock)
        usual = request.strategy == "highest"
        if previous is not None and usual and request.is_verified(environment):
            judge_lockfile(previous, request.rules, environment=name)
            return Preview(environment=name, status="up-to-date")
        _, spec = load_spec(
            request.source, environment, request.tree.settings, request.runner_platform
        )
        judge_spec(spec, request.rules, environment=name)
        exclude_newer = cutoff_text(spec.exclude_newer, request.now) if spec.exclude_newer else None
    except GitstoreError as exc:
        return Preview(environment=name, status="failed", error=exc)
    solve = solve_request(
        name,
        spec,
        previous if usual else None,
        rules=request.rules,
        network=request.network,
        timeout=request.timeout,
        exclude_newer=exclude_newer,
        strategy=request.strategy,
    )
    future = request.executor.submit_task(
        solve_task, str(request.cache), solve, timeout=request.timeout * 1.2 + 5
    )
    return future, _Job(environment=environment, spec=spec, previous=previous)


def _lockfile(source: SourceTree, entry: TreeEntry | None) -> Lockfile | None:
    return parse_lockfile(source.read(entry), where=entry.path) if entry else None


def _finish(request: PreviewRequest, job: _Job, future: Future[Any]) -> Preview:
    environment = job.environment
    try:
        solution: Solution = future.result()
        lock = lockfile_of(
            solution,
            job.spec,
            names=request.rules.names,
            input_digest=environment.input or "",
            spec_path=environment.path,
        )
        judge_lockfile(lock, request.rules, environment=environment.name)
    except GitstoreError as exc:
        if exc.edits and environment.spec is not None:
            text = request.source.read(environment.spec).decode("utf-8", "replace")
            exc.patch = patch_of(text, exc.edits[:1], path=environment.path) or None
        return Preview(environment=environment.name, status="failed", error=exc)
    diff = diff_lockfiles(job.previous, lock, direct_names(job.spec))
    if job.previous is not None and diff.is_empty:
        return Preview(environment=environment.name, status="up-to-date")
    return Preview(
        environment=environment.name,
        status="changed" if job.previous else "new",
        diff=diff,
        sizes={
            platform: PlatformSize(
                packages=len(packages), bytes=sum(package.size or 0 for package in packages)
            )
            for platform, packages in sorted(solution.platforms.items())
        },
        virtual_packages=lock.metadata.virtual_packages,
        dropped=solution.dropped,
    )
