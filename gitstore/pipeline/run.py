"""Run: the only module that chains the stages. Level-triggered: observe, plan, do, look again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from functools import partial

from gitstore.errors import SpecError
from gitstore.files import file_lock
from gitstore.model.environment import SpecTree
from gitstore.model.plan import Plan, PlanItem, Update
from gitstore.model.problems import errors_of
from gitstore.model.records import RECORDS_REF, History, format_time
from gitstore.model.report import Outcome, Report
from gitstore.model.settings import NAMESPACE_FILE
from gitstore.pipeline.building import BuildStep
from gitstore.pipeline.commit import commit_records
from gitstore.pipeline.history import load_history
from gitstore.pipeline.load import load_namespace
from gitstore.pipeline.locking import LockStep
from gitstore.pipeline.plan import PlanContext, Planner
from gitstore.pipeline.sources import RevisionTree
from gitstore.pipeline.state import NamespacePorts, RunState, branch_ref
from gitstore.tasks import warm_task

LOCK_FILE = "gitstore.lock"
_MAX_ROUNDS = 10
_IDLE = "idle-at"


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """A namespace as it is now: specs, records, and what they ask for."""

    tree: SpecTree
    planner: Planner
    plan: Plan

    @property
    def history(self) -> History:
        return self.planner.history


def observe(
    ports: NamespacePorts,
    *,
    selected: frozenset[str] | None = None,
    retry: bool = False,
    update: Update | None = None,
) -> Observation:
    """Load and plan the namespace at the head of its branch. Reads only.

    Raises:
        SpecError: its settings have errors, or a selected environment is not there.
    """
    tree = load_head(ports)
    # A folder whose name is no environment's is a finding; only wrong settings stop the rest.
    if found := [p for p in errors_of(tree.problems) if p.file == NAMESPACE_FILE]:
        raise SpecError(
            f"the settings of namespace `{ports.namespace}` have errors", problems=found
        )
    check_selected(tree, selected)
    history = load_history(ports.repository, ports.memo)
    planner = Planner(
        history=history, context=_context(ports, selected, retry=retry, update=update)
    )
    return Observation(tree=tree, planner=planner, plan=planner.plan(tree))


def _context(
    ports: NamespacePorts,
    selected: frozenset[str] | None,
    *,
    retry: bool,
    update: Update | None,
) -> PlanContext:
    return PlanContext(
        runner_platforms=ports.runner_platforms,
        targets=ports.target_names,
        now=format_time(ports.clock()),
        selected=selected,
        retry=retry,
        update=update,
    )


def load_head(ports: NamespacePorts) -> SpecTree:
    """Load the namespace at the head of the branch that its settings name."""
    repository = ports.repository
    head = repository.resolve(branch_ref(repository, None))
    if head is None:
        raise SpecError(
            f"namespace `{ports.namespace}` has no commits yet",
            where=str(repository.git_dir),
            hint="clone it, add `environments/NAME/environment.yml`, commit and push",
        )
    tree = _load(ports, head)
    ref = branch_ref(repository, tree.settings.branch)
    other = repository.resolve(ref)
    if other is None:
        raise SpecError(
            f"the branch `{tree.settings.branch}` of namespace `{ports.namespace}` is not there",
            hint="correct `commit: {branch: …}` in gitstore.yml",
        )
    return tree if other == head else _load(ports, other)


def _load(ports: NamespacePorts, revision: str) -> SpecTree:
    return load_namespace(
        RevisionTree(ports.repository, revision),
        namespace=ports.namespace,
        runner_platform=ports.runner_platforms[0],
        memo=ports.memo,
    )


def check_selected(tree: SpecTree, selected: frozenset[str] | None) -> None:
    """Refuse names of environments that are not there."""
    names = {environment.name for environment in tree.environments}
    for name in sorted((selected or frozenset()) - names):
        raise SpecError(
            f"there is no environment `{name}` in namespace `{tree.namespace}`",
            hint=f"it has {', '.join(sorted(names)[:10]) or 'none'}",
        )


def apply_namespace(
    ports: NamespacePorts,
    *,
    holder: str,
    selected: frozenset[str] | None = None,
    retry: bool = False,
    update: Update | None = None,
    builds: bool = True,
) -> Report:
    """Make what is built equal to what git says. One failed environment is a value of the report.

    Without ``builds`` only lockfiles are made; ``update`` lets packages move that need not. After
    every round the head is compared again, so that a push during the run is never lost.

    Raises:
        SpecError: the namespace's settings have errors.
        LockedError: another process works on the repository.
        GitError: the repository cannot be written.
    """
    if not ports.memo.knows(_IDLE, _heads(ports)):
        # There may be work: a process starts and loads the engines while this one finds out.
        ports.executor.warm_up(warm_task)
    observed = observe(ports, selected=selected, retry=retry, update=update)
    outcomes: list[Outcome] = []
    if observed.plan.work:
        what = f"namespace `{ports.namespace}`"
        with file_lock(ports.repository.git_dir / LOCK_FILE, holder, what=what):
            observed, outcomes = _apply_rounds(
                ports, selected, retry=retry, update=update, builds=builds
            )
    if not observed.plan.work:
        ports.memo.derive(_IDLE, _heads(ports), lambda: True)
    ports.memo.save()
    return Report(
        namespace=ports.namespace,
        revision=observed.tree.revision,
        outcomes=tuple(outcomes),
        skips=tuple(item for item in observed.plan.skips if not _said(item, outcomes)),
        problems=tuple(observed.tree.all_problems()),
    )


def _heads(ports: NamespacePorts) -> str:
    """Name the state of the repository that decides whether there is work."""
    repository = ports.repository
    refs = (repository.head_ref(), RECORDS_REF)
    return ":".join(str(repository.resolve(ref)) for ref in refs)


def _said(item: PlanItem, outcomes: Sequence[Outcome]) -> bool:
    """Say whether a skip only repeats what failed a moment ago."""
    return item.reason == "failed-before" and any(
        outcome.status == "failed"
        and (outcome.environment, outcome.platform) == (item.environment, item.platform)
        for outcome in outcomes
    )


def _apply_rounds(
    ports: NamespacePorts,
    selected: frozenset[str] | None,
    *,
    retry: bool,
    update: Update | None,
    builds: bool,
) -> tuple[Observation, list[Outcome]]:
    """Observe and carry out until nothing is left to do that this run has not tried."""
    outcomes: list[Outcome] = []
    tried: set[tuple[str, str | None]] = set()
    observed = observe(ports, selected=selected, retry=retry, update=update)
    for _ in range(_MAX_ROUNDS):
        items = [
            item
            for item in observed.plan.work
            if (item.environment, item.key) not in tried
            and (builds or item.verb in ("lock", "retire"))
        ]
        if not items:
            break
        tried |= {(item.environment, item.key) for item in items}
        outcomes += _carry_out_items(ports, observed, items, update=update, builds=builds)
        del observed  # ten thousand environments need not be in memory twice
        observed = observe(ports, selected=selected, retry=False)
    return observed, outcomes


def _carry_out_items(
    ports: NamespacePorts,
    observed: Observation,
    items: Sequence[PlanItem],
    *,
    update: Update | None,
    builds: bool,
) -> list[Outcome]:
    state = RunState(
        ports=ports,
        tree=observed.tree,
        planner=observed.planner,
        environments=dict(observed.tree.by_name()),
        update=update,
        builds=builds,
    )
    carry_out(state, replace(observed.plan, items=tuple(items)))
    return state.outcomes


def carry_out(state: RunState, plan: Plan) -> None:
    """Do the work of a plan: builds start as soon as their lockfile is committed.

    No more is begun than keeps the executor busy, so that memory does not grow with the plan.
    What has ended together is committed together, and recorded before anything else begins.
    """
    lock_step, build_step = LockStep(state), BuildStep(state)
    waiting: deque[Callable[[], None]] = deque()
    for item in plan.work:
        step = lock_step if item.verb in ("lock", "retire") else build_step
        waiting.append(partial(step.start, item))
    most = state.ports.executor.capacity
    while True:
        while waiting and len(state.running) + lock_step.ready < most:
            waiting.popleft()()
        for locked in reversed(lock_step.commit()):
            if not state.builds:
                continue
            waiting.appendleft(partial(build_step.start_locked, locked))
        _commit_records(state)
        if state.running:
            ended, _ = wait(state.running, return_when=FIRST_COMPLETED)
            for future in ended:
                state.running.pop(future)(future)
        elif not waiting and not lock_step.ready:
            break


def _commit_records(state: RunState) -> None:
    files, state.records = state.records, {}
    commit_records(
        state.ports.repository,
        files,
        message=f"record {len(files)} result{'s' if len(files) != 1 else ''}",
        author=state.tree.settings.author,
        clock=state.ports.clock,
    )
