"""The state of a run: its ports, the tree as it moves on, what works now and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gitstore.errors import BuildError, GitstoreError, PolicyError, PublishError
from gitstore.memo import Memo
from gitstore.model.canonical import pretty_json
from gitstore.model.environment import LoadedEnvironment, SpecTree
from gitstore.model.event import Event
from gitstore.model.lockfile import Lockfile
from gitstore.model.plan import PlanItem, Update
from gitstore.model.records import failure_path, failure_record
from gitstore.model.report import Outcome
from gitstore.model.rules import Rules
from gitstore.model.work import Network, Target
from gitstore.pipeline.commit import seconds_between
from gitstore.pipeline.judge import judge_lockfile
from gitstore.pipeline.plan import Planner
from gitstore.pipeline.ports import Clock, Elsewhere, Events, Repository, TaskExecutor


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespacePorts:
    """What a run needs of the world, for one namespace.

    ``targets`` are those of each kind of artifact; ``rules`` the store's part of the rules;
    time-outs are seconds; ``work`` is this process's scratch folder.
    """

    namespace: str
    store: str
    repository: Repository
    executor: TaskExecutor
    memo: Memo
    versions_memo: Memo
    clock: Clock
    events: Events
    elsewhere: Elsewhere
    cache: Path
    work: Path
    runner_platforms: tuple[str, ...]
    targets: Mapping[str, tuple[Target, ...]]
    rules: Rules
    network: Network
    solve_timeout: float
    build_timeout: float

    def say(self, environment: str, stage: str, text: str, level: str = "info") -> None:
        """Tell who watches."""
        self.events(
            Event(
                namespace=self.namespace,
                environment=environment,
                stage=stage,
                text=text,
                level=level,
            )
        )

    @property
    def target_names(self) -> dict[str, tuple[str, ...]]:
        return {kind: tuple(t.name for t in found) for kind, found in self.targets.items()}


def branch_ref(repository: Repository, branch: str | None) -> str:
    """Return the ref of the branch that is read and locked."""
    return f"refs/heads/{branch}" if branch else repository.head_ref()


@dataclass(slots=True)
class RunState:
    """What a run knows while it works: the tree as it moved on, what runs, what it did.

    ``update`` says which packages may move although nothing forces them; without ``builds`` only
    lockfiles are made.
    """

    ports: NamespacePorts
    tree: SpecTree
    planner: Planner
    environments: dict[str, LoadedEnvironment]
    outcomes: list[Outcome] = field(default_factory=list)
    running: dict[Future[Any], Callable[[Future[Any]], None]] = field(default_factory=dict)
    records: dict[str, bytes | None] = field(default_factory=dict)
    tasks: int = 0
    update: Update | None = None
    builds: bool = True

    def submit(
        self,
        then: Callable[[Future[Any]], None],
        function: Callable[..., Any],
        *args: Any,
        timeout: float,
    ) -> None:
        """Start a task; ``then`` gets its future when it has ended."""
        future = self.ports.executor.submit_task(function, *args, timeout=timeout)
        self.running[future] = then

    def work_folder(self) -> Path:
        """Return a scratch folder that nothing else of this run uses."""
        self.tasks += 1
        return self.ports.work / f"{self.ports.namespace}-{self.tasks}"

    def done(self, item: PlanItem, detail: str, **more: Any) -> None:
        """Take a success into the report; earlier failures of the same work are over."""
        name, platform = item.environment, item.platform
        self.outcomes.append(
            Outcome(
                environment=name,
                verb=item.verb,
                status="done",
                detail=detail,
                platform=platform,
                **more,
            )
        )
        self.ports.say(name, item.verb, f"{detail} ({platform})" if platform else detail, "done")
        before = self.planner.history.failure(name, item.key) if item.key else None
        if before is not None and item.key is not None:
            for attempt in range(1, before.attempt + 1):
                self.records[failure_path(name, item.key, attempt)] = None

    def fail(self, item: PlanItem, error: GitstoreError, started: datetime) -> None:
        """Take a failure into the report, and into a record that says when it is tried again."""
        ports = self.ports
        self.outcomes.append(
            Outcome(
                environment=item.environment,
                verb=item.verb,
                status="failed",
                detail=error.message,
                platform=item.platform,
                error=error,
            )
        )
        ports.say(item.environment, item.verb, error.message, "error")
        if item.key is None:
            return
        before = self.planner.history.failure(item.environment, item.key)
        attempt = before.attempt + 1 if before else 1
        record = failure_record(
            error,
            environment=item.environment,
            stage=_stage_of(item, error),
            key=item.key,
            attempt=attempt,
            platform=item.platform,
            store=ports.store,
            started=started,
            seconds=seconds_between(started, ports.clock()),
        )
        self.records[failure_path(item.environment, item.key, attempt)] = pretty_json(record)

    def judge(self, environment: str, lock: Lockfile) -> None:
        """Ask the rules of the store and of the namespace about a lockfile.

        Raises:
            PolicyError: one of them forbids it.
        """
        judge_lockfile(lock, self.rules, environment=environment)

    @property
    def rules(self) -> Rules:
        return self.ports.rules.and_namespace(self.tree.settings)

    @property
    def branch(self) -> str:
        return branch_ref(self.ports.repository, self.tree.settings.branch)


def failure_of(future: Future[Any]) -> GitstoreError | None:
    """Return a task's error where it is one of ours; anything else is a bug and flies on."""
    error = future.exception()
    if error is None or isinstance(error, GitstoreError):
        return error
    raise error


def _stage_of(item: PlanItem, error: GitstoreError) -> str:
    if isinstance(error, PolicyError):
        return "policy"
    if isinstance(error, PublishError):
        return "publish"
    if isinstance(error, BuildError) or item.verb == "build":
        return "build"
    return "publish" if item.verb == "publish" else "solve"
