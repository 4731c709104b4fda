"""The lock step of a run: solve what the plan asks for, commit the lockfiles, record the solves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitstore.errors import GitstoreError
from gitstore.model.canonical import pretty_json
from gitstore.model.cutoff import cutoff_text
from gitstore.model.edits import patch_of
from gitstore.model.environment import LoadedEnvironment, TreeEntry
from gitstore.model.identity import EffectiveSpec
from gitstore.model.lockdiff import LockDiff, diff_lockfiles, summary_words
from gitstore.model.lockfile import Lockfile, render_lockfile
from gitstore.model.lockread import parse_lockfile
from gitstore.model.plan import PlanItem
from gitstore.model.records import solve_path
from gitstore.model.work import Solution
from gitstore.pipeline.commit import TreeChange, commit_changes, lock_message
from gitstore.pipeline.judge import judge_spec
from gitstore.pipeline.load import load_namespace, load_spec
from gitstore.pipeline.record import package_records, solve_record
from gitstore.pipeline.solve import direct_names, lockfile_of, solve_request, verify_claim
from gitstore.pipeline.sources import RevisionTree
from gitstore.pipeline.state import RunState, failure_of
from gitstore.pipeline.versions import VersionIndex
from gitstore.tasks import solve_task


@dataclass(frozen=True, kw_only=True, slots=True)
class LockJob:
    """One environment to lock: as the revision ``spec_commit`` has it, with its lockfile before."""

    item: PlanItem
    environment: LoadedEnvironment
    spec: EffectiveSpec
    previous: Lockfile | None
    spec_commit: str
    started: datetime
    exclude_newer: str | None = None

    @property
    def input(self) -> str:
        if self.environment.input is None:
            raise AssertionError(f"no input digest: {self.environment.name}")
        return self.environment.input


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A lockfile that is ready to be committed, or (``data`` None) a claim that proved true.

    Without a solution it is an old one that is put back.
    """

    job: LockJob
    lock: Lockfile
    data: bytes | None
    diff: LockDiff
    solution: Solution | None = None

    @property
    def environment(self) -> LoadedEnvironment:
        return self.job.environment


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
        self._versions = VersionIndex(state.ports.repository, state.ports.versions_memo)

    @property
    def ready(self) -> int:
        """How many lockfiles and retirements wait for their commit."""
        return len(self._ready) + len(self._retired)

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
        job = self._job(item, started)
        if item.restore is not None and ports.repository.has_object(item.restore):
            self._restore(job, item.restore)
            return
        name = job.environment.name
        judge_spec(job.spec, state.rules, environment=name)
        ports.say(name, "solve", f"solving for {', '.join(job.spec.platforms)}")

        def solved(future: Future[Any]) -> None:
            try:
                if error := failure_of(future):
                    raise error
                self._ready.append(self._candidate(job, future.result()))
            except GitstoreError as exc:
                self._add_patch(job, exc)
                state.fail(item, exc, started)

        request = solve_request(
            name,
            job.spec,
            self._kept(job),
            rules=state.rules,
            network=ports.network,
            timeout=ports.solve_timeout,
            exclude_newer=job.exclude_newer,
        )
        # The engine has the same limit and says more; the kill comes when it does not keep it.
        timeout = ports.solve_timeout * 1.2 + 5
        state.submit(solved, solve_task, str(ports.cache), request, timeout=timeout)

    def _kept(self, job: LockJob) -> Lockfile | None:
        """Return the lockfile before, as far as its packages should stay where they are."""
        update, previous = self._state.update, job.previous
        if update is None or previous is None or job.item.reason != "update-asked":
            return previous
        kept = tuple(package for package in previous.packages if update.keeps(package.name))
        return replace(previous, packages=kept)

    def _job(self, item: PlanItem, started: datetime) -> LockJob:
        state, ports = self._state, self._state.ports
        environment = state.environments[item.environment]
        if state.tree.revision is None:
            raise AssertionError("a run works on a revision")
        source = RevisionTree(ports.repository, state.tree.revision)
        _, spec = load_spec(source, environment, state.tree.settings, ports.runner_platforms[0])
        previous = None
        if environment.lock is not None:
            data = ports.repository.read(environment.lock.oid)
            previous = parse_lockfile(data, where=environment.lock_path)
        return LockJob(
            item=item,
            environment=environment,
            spec=spec,
            previous=previous,
            spec_commit=state.tree.revision,
            started=started,
            exclude_newer=_cutoff(item, spec, previous, started),
        )

    def _add_patch(self, job: LockJob, error: GitstoreError) -> None:
        spec = job.environment.spec
        if error.edits and spec is not None:
            text = self._state.ports.repository.read(spec.oid).decode("utf-8", "replace")
            error.patch = patch_of(text, error.edits[:1], path=spec.path) or None

    def _restore(self, job: LockJob, blob: str) -> None:
        """Put back the lockfile that the same input had before; nothing is solved."""
        data = self._state.ports.repository.read(blob)
        lock = parse_lockfile(data, where=job.environment.lock_path)
        self._state.judge(job.environment.name, lock)
        diff = diff_lockfiles(None, lock, direct_names(job.spec))
        self._ready.append(Candidate(job=job, lock=lock, data=data, diff=diff))

    def _candidate(self, job: LockJob, solution: Solution) -> Candidate:
        """Turn a solution into a lockfile that may be committed.

        Raises:
            SolveError: the lockfile that stands there claims what no solve gives.
            PolicyError: a rule forbids the new one.
        """
        environment, claim = job.environment, job.previous
        lock = lockfile_of(
            solution,
            job.spec,
            names=self._state.ports.rules.names,
            input_digest=job.input,
            spec_path=environment.path,
            exclude_newer=job.exclude_newer,
        )
        data: bytes | None = render_lockfile(lock)
        if job.item.reason == "lock-unverified" and claim is not None:
            verify_claim(claim, lock, input_digest=job.input, where=environment.lock_path)
            if self._bytes_of(environment) == data:
                data = None
        self._state.judge(environment.name, lock)
        diff = diff_lockfiles(job.previous, lock, direct_names(job.spec))
        return Candidate(job=job, lock=lock, data=data, diff=diff, solution=solution)

    def _bytes_of(self, environment: LoadedEnvironment) -> bytes | None:
        lock = environment.lock
        return self._state.ports.repository.read(lock.oid) if lock is not None else None

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
                state.done(item, "its spec is gone; the lockfile was taken away")
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
                input_digest=found.job.input,
                spec_commit=found.job.spec_commit,
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
        return (
            now is not None
            and now.input == found.environment.input
            and now.lock == found.environment.lock
        )

    def _record(
        self, head: str, ready: Sequence[Candidate], commits: Mapping[str, str]
    ) -> list[Locked]:
        found_at = {found.environment.name: self._entry(head, found) for found in ready}
        for name, commit in commits.items():
            if name in found_at:
                self._versions.made(commit, found_at[name].path, found_at[name].oid)
        versions = self._versions.at(head)
        locked = []
        for found in ready:
            environment = found.environment
            entry = found_at[environment.name]
            number = max(1, len(versions.get(environment.lock_path, ())))
            self._record_one(found, entry, number)
            current = replace(environment, lock=entry)
            self._state.environments[environment.name] = current
            commit = commits.get(environment.name, head)
            locked.append(
                Locked(environment=current, lock=found.lock, number=number, commit=commit)
            )
        return locked

    def _entry(self, head: str, found: Candidate) -> TreeEntry:
        entry = self._state.ports.repository.entry(head, found.environment.lock_path)
        if entry is None:
            raise AssertionError(f"a lockfile that was committed is not there: {found.environment}")
        return entry

    def _record_one(self, found: Candidate, entry: TreeEntry, number: int) -> None:
        state, job, environment = self._state, found.job, found.environment
        record = solve_record(
            environment=environment.name,
            number=number,
            input_digest=job.input,
            spec_path=environment.path,
            spec_commit=job.spec_commit,
            lock_path=environment.lock_path,
            lock_oid=entry.oid,
            content=found.lock.content(),
            previous=environment.lock.oid if environment.lock else None,
            diff=found.diff,
            dropped=found.lock.metadata.dropped,
            solution=found.solution,
            store=state.ports.store,
            started=job.started,
        )
        path = solve_path(environment.name, job.input)
        state.records[path] = pretty_json(record)
        if found.solution is not None:
            for place, facts in package_records(found.solution).items():
                state.records[place] = pretty_json(facts)
        words = summary_words(found.diff) if found.data else "verified: a solve gives it again"
        detail = f"version {number}: {words}"
        state.done(job.item, detail, record=path)


def _cutoff(
    item: PlanItem, spec: EffectiveSpec, previous: Lockfile | None, now: datetime
) -> str | None:
    """Return the moment after which no package counts, as this solve is to keep it.

    A claim was made at another time: what it says counts, if it is not newer than allowed.
    """
    if spec.exclude_newer is None:
        return None
    allowed = cutoff_text(spec.exclude_newer, now)
    claimed = previous.metadata.exclude_newer if previous else None
    if item.reason == "lock-unverified" and claimed is not None:
        return min(allowed, claimed)
    return allowed
