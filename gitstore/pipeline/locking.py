"""The lock step of a run: solve what the plan asks for, commit the lockfiles, record the solves."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitstore.errors import GitstoreError
from gitstore.model.canonical import pretty_json
from gitstore.model.environment import LoadedEnvironment
from gitstore.model.identity import EffectiveSpec
from gitstore.model.lockdiff import LockDiff, diff_lockfiles, summary_words
from gitstore.model.lockfile import Lockfile, parse_lockfile, render_lockfile
from gitstore.model.plan import PlanItem
from gitstore.model.records import solve_path
from gitstore.model.work import Solution
from gitstore.pipeline.commit import TreeChange, commit_changes, lock_message
from gitstore.pipeline.load import load_namespace, load_spec
from gitstore.pipeline.record import package_records, solve_record
from gitstore.pipeline.solve import direct_names, lockfile_of, solve_request, verify_claim
from gitstore.pipeline.sources import RevisionTree
from gitstore.pipeline.state import RunState, failure_of
from gitstore.pipeline.versions import lock_versions
from gitstore.tasks import solve_task


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A lockfile that is ready to be committed, or (``data`` None) a claim that proved true."""

    item: PlanItem
    environment: LoadedEnvironment
    lock: Lockfile
    data: bytes | None
    diff: LockDiff
    solution: Solution | None
    spec_commit: str
    started: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """An environment whose lockfile is on the branch, ready to be built."""

    environment: LoadedEnvironment
    lock: Lockfile
    number: int
    commit: str


class LockStep:
    """Solves in workers, commits in this process."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._ready: list[Candidate] = []
        self._retired: list[PlanItem] = []

    def start(self, item: PlanItem) -> None:
        """Begin one item of the plan; errors become outcomes."""
        if item.verb == "retire":
            self._retired.append(item)
            return
        started = self._state.ports.clock()
        try:
            self._start_lock(item, started)
        except GitstoreError as exc:
            self._state.fail(item, exc, started)

    def _start_lock(self, item: PlanItem, started: datetime) -> None:
        state, ports = self._state, self._state.ports
        environment = state.environments[item.environment]
        revision = _revision(state)
        source = RevisionTree(ports.repository, revision)
        settings = state.tree.settings
        _, spec = load_spec(source, environment, settings, ports.runner_platforms[0])
        if item.restore is not None and ports.repository.has_object(item.restore):
            data = ports.repository.read(item.restore)
            lock = parse_lockfile(data, where=environment.lock_path)
            diff = diff_lockfiles(None, lock, direct_names(spec))
            self._add(item, environment, lock, data, diff, None, revision, started)
            return
        previous = None
        if environment.lock is not None:
            data = ports.repository.read(environment.lock.oid)
            previous = parse_lockfile(data, where=environment.lock_path)
        request = solve_request(environment.name, spec, previous, timeout=ports.solve_timeout)
        ports.say(environment.name, "solve", f"solving for {', '.join(spec.platforms)}")

        def solved(future: Future[Any]) -> None:
            try:
                if error := failure_of(future):
                    raise error
                self._solved(item, environment, spec, previous, future.result(), revision, started)
            except GitstoreError as exc:
                state.fail(item, exc, started)

        # The engine has the same limit and says more; the kill comes when it does not keep it.
        timeout = ports.solve_timeout * 1.2 + 5
        state.submit(solved, solve_task, str(ports.cache), request, timeout=timeout)

    def _solved(
        self,
        item: PlanItem,
        environment: LoadedEnvironment,
        spec: EffectiveSpec,
        previous: Lockfile | None,
        solution: Solution,
        revision: str,
        started: datetime,
    ) -> None:
        digest = environment.input or ""
        lock = lockfile_of(solution, spec, input_digest=digest, spec_path=environment.path)
        data: bytes | None = render_lockfile(lock)
        if item.reason == "lock-unverified" and previous is not None:
            where = environment.lock_path
            if verify_claim(previous, lock, input_digest=digest, where=where):
                lock, data = previous, None
        self._state.judge(environment.name, lock)
        diff = diff_lockfiles(previous, lock, direct_names(spec))
        self._add(item, environment, lock, data, diff, solution, revision, started)

    def _add(
        self,
        item: PlanItem,
        environment: LoadedEnvironment,
        lock: Lockfile,
        data: bytes | None,
        diff: LockDiff,
        solution: Solution | None,
        revision: str,
        started: datetime,
    ) -> None:
        self._ready.append(
            Candidate(
                item=item,
                environment=environment,
                lock=lock,
                data=data,
                diff=diff,
                solution=solution,
                spec_commit=revision,
                started=started,
            )
        )

    def commit(self) -> list[Locked]:
        """Commit what is ready, on whatever the branch is by now; return what can be built.

        A candidate that somebody's push made stale is dropped: the next round plans it anew.
        """
        ready, self._ready = self._ready, []
        retired, self._retired = self._retired, []
        if not ready and not retired:
            return []
        state, ports = self._state, self._state.ports
        head, commits = commit_changes(
            ports.repository,
            state.branch,
            head=state.tree.revision,
            changes=lambda at: self._changes(at, ready, retired),
            author=state.tree.settings.author,
            clock=ports.clock,
        )
        if head is None:
            return []
        state.tree = replace(state.tree, revision=head)
        for item in retired:
            if item.environment in commits:
                state.done(item.environment, "retire", "its spec is gone; the lockfile was taken away")
        return self._record(head, [found for found in ready if self._is_current(found)], commits)

    def _changes(
        self, head: str | None, ready: Sequence[Candidate], retired: Sequence[PlanItem]
    ) -> list[TreeChange]:
        state = self._state
        if head is not None and head != state.tree.revision:
            self._reload(head)
        changes = [self._retirement(item) for item in retired]
        settings = state.tree.settings
        for found in ready:
            if found.data is None or not self._is_current(found):
                continue
            message = lock_message(
                settings.message,
                environment=found.environment.name,
                diff=found.diff,
                input_digest=found.environment.input or "",
                spec_commit=found.spec_commit,
            )
            files = {found.environment.lock_path: found.data}
            changes.append(
                TreeChange(environment=found.environment.name, files=files, message=message)
            )
        return [change for change in changes if change is not None]

    def _reload(self, head: str) -> None:
        state, ports = self._state, self._state.ports
        state.tree = load_namespace(
            RevisionTree(ports.repository, head),
            namespace=ports.namespace,
            runner_platform=ports.runner_platforms[0],
            memo=ports.memo,
        )
        state.environments = dict(state.tree.by_name())

    def _retirement(self, item: PlanItem) -> TreeChange | None:
        environment = self._state.environments.get(item.environment)
        if environment is None or environment.spec is not None or environment.lock is None:
            return None
        message = (
            f"retire {item.environment}: its spec was deleted\n\n"
            f"Gitstore-Environment: {item.environment}\n"
        )
        return TreeChange(
            environment=item.environment, files={environment.lock_path: None}, message=message
        )

    def _is_current(self, found: Candidate) -> bool:
        """Say whether the branch still asks for this: same input, and the same lockfile before."""
        now = self._state.environments.get(found.environment.name)
        return now is not None and now.input == found.environment.input and now.lock == found.environment.lock

    def _record(
        self, head: str, ready: Sequence[Candidate], commits: dict[str, str]
    ) -> list[Locked]:
        state, ports = self._state, self._state.ports
        versions = lock_versions(ports.repository, head, ports.versions_memo)
        locked = []
        for found in ready:
            environment = found.environment
            entry = ports.repository.entry(head, environment.lock_path)
            if entry is None or environment.input is None:
                continue
            number = max(1, len(versions.get(environment.lock_path, ())))
            before = environment.lock.oid if environment.lock else None
            content = found.lock.content()
            record = solve_record(
                environment=environment.name,
                number=number,
                input_digest=environment.input,
                spec_path=environment.path,
                spec_commit=found.spec_commit,
                lock_path=environment.lock_path,
                lock_oid=entry.oid,
                content=content,
                previous=before,
                diff=found.diff,
                dropped=found.lock.metadata.dropped,
                solution=found.solution,
                store=ports.store,
                started=found.started,
            )
            state.records[solve_path(environment.name, environment.input)] = pretty_json(record)
            if found.solution is not None:
                for path, facts in package_records(found.solution).items():
                    state.records[path] = pretty_json(facts)
            current = replace(environment, lock=entry)
            state.environments[environment.name] = current
            words = summary_words(found.diff) if found.data else "verified: a solve gives it again"
            state.done(environment.name, "lock", f"version {number}: {words}", changes=found.diff.to_dict())
            commit = commits.get(environment.name, head)
            locked.append(Locked(environment=current, lock=found.lock, number=number, commit=commit))
        return locked


def _revision(state: RunState) -> str:
    if state.tree.revision is None:
        raise AssertionError("a run works on a revision")
    return state.tree.revision
