"""The build step of a run: build what is locked, or find that it exists, and record it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from gitstore.errors import GitError, GitstoreError, SpecError
from gitstore.model.canonical import pretty_json
from gitstore.model.lockread import parse_lockfile
from gitstore.model.plan import PlanItem
from gitstore.model.records import RECORDS_REF, build_path
from gitstore.model.work import BuildOutcome, PublishedArtifact
from gitstore.pipeline.build import build_request
from gitstore.pipeline.commit import seconds_between
from gitstore.pipeline.history import read_record
from gitstore.pipeline.locking import Locked
from gitstore.pipeline.record import build_record, known_size
from gitstore.pipeline.state import RunState, failure_of
from gitstore.tasks import build_task, copy_task


class BuildStep:
    """Builds and copies in workers; everything is recorded by this process."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def start(self, item: PlanItem) -> None:
        """Begin one item of the plan; errors become outcomes."""
        started = self._state.ports.clock()
        try:
            if item.verb == "publish":
                self._start_copy(item, started)
            else:
                self._start_build(item, self._locked(item.environment), started)
        except GitstoreError as exc:
            self._state.fail(item, exc, started)

    def start_locked(self, locked: Locked) -> None:
        """Plan and begin the builds of an environment that was locked a moment ago."""
        state = self._state
        environment = locked.environment
        if environment.recipe is None:
            raise AssertionError("a locked environment without a recipe")
        for platform, content in sorted(locked.lock.content().items()):
            item = state.planner.plan_build(environment.name, platform, content, environment.recipe)
            if not item.is_work:
                continue
            started = state.ports.clock()
            try:
                if item.verb == "publish":
                    self._start_copy(item, started)
                else:
                    self._start_build(item, locked, started)
            except GitstoreError as exc:
                state.fail(item, exc, started)

    def _locked(self, name: str) -> Locked:
        """Read an environment's committed lockfile."""
        state, repository = self._state, self._state.ports.repository
        environment = state.environments[name]
        if environment.lock is None or environment.input is None:
            raise SpecError("there is no lockfile", where=name)
        data = repository.read(environment.lock.oid)
        lock = parse_lockfile(data, where=environment.lock_path)
        facts = state.planner.history.solve(name, environment.input)
        number = facts.number if facts else 1
        revision = state.tree.revision or ""
        return Locked(environment=environment, lock=lock, number=number, commit=revision)

    def _start_build(self, item: PlanItem, locked: Locked, started: datetime) -> None:
        state, ports = self._state, self._state.ports
        environment, recipe = locked.environment, locked.environment.recipe
        if item.platform is None or item.content is None or recipe is None:
            raise AssertionError(f"a build without platform, content or recipe: {item}")
        # Rules may have changed since the lockfile was made.
        state.judge(environment.name, locked.lock)
        found = ports.elsewhere(item.platform, item.content, recipe.digest)
        if found is not None:
            self._reuse(item, locked, found, started)
            return
        request = build_request(
            environment=environment.name,
            number=locked.number,
            platform=item.platform,
            content=item.content,
            recipe=recipe,
            lock=locked.lock,
            work=state.work_folder(),
            cache=ports.cache,
            network=ports.network,
            expected_bytes=known_size(
                ports.repository, [package.sha256 for package in locked.lock.on(item.platform)]
            ),
        )
        many = f"{len(request.packages)} package{'' if len(request.packages) == 1 else 's'}"
        ports.say(environment.name, "build", f"building {many} for {item.platform}")

        def built(future: Future[Any]) -> None:
            if error := failure_of(future):
                state.fail(item, error, started)
            else:
                self._record(item, locked, future.result(), started)

        targets = {kind: ports.targets.get(kind, ()) for kind in recipe.kinds}
        state.submit(built, build_task, request, targets, timeout=ports.build_timeout)

    def _record(
        self, item: PlanItem, locked: Locked, outcome: BuildOutcome, started: datetime
    ) -> None:
        size = sum(artifact.size for artifact in outcome.published)
        self._write(
            item,
            locked,
            started,
            result=outcome.result,
            published=outcome.published,
            log=outcome.log,
            publish_seconds=outcome.publish_seconds,
            seconds=outcome.seconds,
        )
        detail = f"{size / 1e6:.1f} MB in {outcome.seconds:.1f} s"
        self._state.done(item, detail, artifacts=_places(outcome.published))

    def _reuse(
        self, item: PlanItem, locked: Locked, record: Mapping[str, Any], started: datetime
    ) -> None:
        """Take over a build of another namespace: the same content, made in the same way."""
        published = tuple(PublishedArtifact.from_dict(data) for data in record["artifacts"])
        seconds = seconds_between(started, self._state.ports.clock())
        self._write(
            item,
            locked,
            started,
            result=None,
            published=published,
            log=record["log"],
            publish_seconds=seconds,
            seconds=seconds,
        )
        self._state.done(item, "built before", artifacts=_places(published))

    def _write(self, item: PlanItem, locked: Locked, started: datetime, **facts: Any) -> None:
        environment = locked.environment
        recipe, platform, content = environment.recipe, item.platform, item.content
        if recipe is None or platform is None or content is None:
            raise AssertionError(f"a build without platform, content or recipe: {item}")
        record = build_record(
            platform=platform,
            content=content,
            recipe=recipe,
            environment=environment.name,
            input_digest=environment.input or "",
            lock_commit=locked.commit,
            store=self._state.ports.store,
            started=started,
            **facts,
        )
        path = build_path(platform, content, recipe.digest)
        self._state.records[path] = pretty_json(record)

    def _start_copy(self, item: PlanItem, started: datetime) -> None:
        """Bring artifacts to a target that was added since they were built."""
        state, ports = self._state, self._state.ports
        recipe = state.environments[item.environment].recipe
        if item.platform is None or item.content is None or recipe is None:
            raise AssertionError(f"a publish without platform, content or recipe: {item}")
        path = build_path(item.platform, item.content, recipe.digest)
        head = ports.repository.resolve(RECORDS_REF)
        entry = ports.repository.entry(head, path) if head else None
        if entry is None:
            raise GitError(f"the record `{path}` is missing", where=RECORDS_REF)
        record = read_record(ports.repository, entry.oid)
        artifacts = [PublishedArtifact.from_dict(data) for data in record["artifacts"]]
        every = tuple({t.name: t for found in ports.targets.values() for t in found}.values())
        wanted = {kind: ports.target_names.get(kind, ()) for kind in recipe.kinds}

        def copied(future: Future[Any]) -> None:
            if error := failure_of(future):
                state.fail(item, error, started)
                return
            published = future.result()
            record["artifacts"] = [artifact.to_dict() for artifact in published]
            state.records[path] = pretty_json(record)
            state.done(item, "published", artifacts=_places(published))

        work = str(state.work_folder())
        timeout = ports.build_timeout
        state.submit(copied, copy_task, artifacts, every, wanted, work, timeout=timeout)


def _places(published: Sequence[PublishedArtifact]) -> tuple[dict[str, str], ...]:
    """Say where artifacts are, for who asks with ``--json`` or ``-v``."""
    return tuple(
        {"kind": artifact.kind, "name": artifact.name, "target": target, "key": key}
        for artifact in published
        for target, key in artifact.published
    )
