"""From settings to adapters. Imported by ``cli/`` and ``server/`` alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitstore.errors import GitstoreError, SpecError, UsageError
from gitstore.executors.local import LocalExecutor
from gitstore.git.repository import GitRepository
from gitstore.memo import Memo
from gitstore.model.channels import ChannelNames
from gitstore.model.problems import Problem, errors_of
from gitstore.model.records import RECORDS_REF, build_path
from gitstore.model.rules import Rules
from gitstore.model.settings import (
    STORE_FILE,
    NamespaceEntry,
    StoreSettings,
    check_store_settings,
    store_settings,
)
from gitstore.model.work import Network, PublishedArtifact, Target
from gitstore.model.yamltext import YamlError, parse_yaml
from gitstore.pipeline.history import read_record
from gitstore.pipeline.state import NamespacePorts
from gitstore.publishers import make_publisher

if TYPE_CHECKING:
    from gitstore.pipeline.ports import Clock, Events

ARTIFACT_KINDS = ("archive",)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A store on this machine: its folder and its settings."""

    root: Path
    settings: StoreSettings

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @cached_property
    def targets(self) -> dict[str, tuple[Target, ...]]:
        """The targets of each kind of artifact, with absolute paths."""
        every = {
            target.name: Target(
                name=target.name, type="directory", path=str((self.root / target.path).resolve())
            )
            for target in self.settings.targets
        }
        return {
            kind: tuple(every[name] for name in self.settings.targets_for(kind))
            for kind in ARTIFACT_KINDS
        }

    def entry(self, name: str) -> NamespaceEntry:
        """Return a namespace of the store.

        Raises:
            UsageError: it has none of that name.
        """
        found = self.settings.namespace(name)
        if found is None:
            known = ", ".join(entry.name for entry in self.settings.namespaces) or "none yet"
            raise UsageError(
                f"there is no namespace `{name}` in this store",
                where=str(self.root),
                hint=f"it has {known}; `gitstore namespace create {name}` makes one",
            )
        return found

    def rules(self, entry: NamespaceEntry | None) -> Rules:
        """Return the store's rules for one of its namespaces, or for a folder that is none."""
        return Rules(
            allowed=(("the store", self.settings.allowed_channels),),
            accepted_terms=self.settings.accepted_terms,
            is_public=entry is not None and entry.visibility == "public",
            sdists=self.settings.sdists,
            names=ChannelNames(aliases=self.settings.aliases),
        )

    def repository(self, entry: NamespaceEntry) -> GitRepository:
        """Open a namespace's repository."""
        return GitRepository((self.root / entry.path).resolve())

    def memo(self, name: str) -> Memo:
        return Memo(self.cache / "memo" / f"{name}.json")


def open_store(root: Path) -> Store:
    """Read a store's settings.

    Raises:
        UsageError: there is no store.
        SpecError: its settings have errors.
    """
    file = root / STORE_FILE
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise UsageError(
            f"there is no store here (no {STORE_FILE})",
            where=str(root),
            hint=f"`gitstore init {root}` makes one",
        ) from exc
    try:
        document = parse_yaml(data)
    except YamlError as exc:
        problem = exc.problem.at_file(str(file))
        raise SpecError(f"{STORE_FILE} cannot be read", problems=[problem]) from exc
    memo = Memo(root / "cache" / "memo" / "store.json")
    found = memo.derive(
        "settings",
        hashlib.sha256(data).hexdigest(),
        lambda: [problem.to_dict() for problem in check_store_settings(document)],
    )
    problems = [Problem.from_dict(facts).at_file(str(file)) for facts in found]
    if errors_of(problems):
        raise SpecError(f"{STORE_FILE} has errors", problems=problems)
    memo.save()
    return Store(root=root.resolve(), settings=store_settings(document))


@dataclass(slots=True)
class BuildsElsewhere:
    """Finds builds in the store's other namespaces; what it finds still exists in every target."""

    store: Store
    namespace: str
    _repositories: dict[str, GitRepository | None] = field(default_factory=dict)

    def __call__(self, platform: str, content: str, recipe: str) -> dict[str, Any] | None:
        path = build_path(platform, content, recipe)
        for entry in self.store.settings.namespaces:
            if entry.name == self.namespace:
                continue
            repository = self._open(entry)
            head = repository.resolve(RECORDS_REF) if repository else None
            found = repository.entry(head, path) if repository and head else None
            if repository and found:
                record = read_record(repository, found.oid)
                if self._is_there(record):
                    return record
        return None

    def _open(self, entry: NamespaceEntry) -> GitRepository | None:
        if entry.name not in self._repositories:
            try:
                self._repositories[entry.name] = self.store.repository(entry)
            except GitstoreError:
                # Its own run says what is wrong with it; here it only has nothing to offer.
                self._repositories[entry.name] = None
        return self._repositories[entry.name]

    def _is_there(self, record: dict[str, Any]) -> bool:
        return all(
            make_publisher(target).has(artifact.digest)
            for artifact in map(PublishedArtifact.from_dict, record["artifacts"])
            for target in self.store.targets.get(artifact.kind, ())
        )


@contextmanager
def running_executor(workers: int | None, *, memory: int | None = None) -> Iterator[LocalExecutor]:
    """Give an executor whose processes are gone afterwards, whatever happens."""
    executor = LocalExecutor(workers or os.cpu_count() or 1, memory=memory)
    try:
        yield executor
    finally:
        executor.stop()


@contextmanager
def namespace_ports(
    store: Store,
    entry: NamespaceEntry,
    *,
    clock: Clock,
    events: Events,
    run_name: str,
    runner_platform: str,
    network: Network,
    workers: int | None = None,
) -> Iterator[NamespacePorts]:
    """Wire everything that a run of one namespace needs, and take it apart again."""
    settings = store.settings
    with running_executor(workers or settings.workers, memory=settings.memory) as executor:
        ports = NamespacePorts(
            namespace=entry.name,
            store=settings.name,
            repository=store.repository(entry),
            executor=executor,
            memo=store.memo(entry.name),
            versions_memo=store.memo(f"{entry.name}-versions"),
            clock=clock,
            events=events,
            elsewhere=BuildsElsewhere(store, entry.name),
            cache=store.cache,
            work=store.work / run_name,
            runner_platforms=(runner_platform,),
            targets=store.targets,
            rules=store.rules(entry),
            network=network,
            solve_timeout=settings.solve_timeout,
            build_timeout=settings.build_timeout,
        )
        yield ports
        ports.versions_memo.save()
