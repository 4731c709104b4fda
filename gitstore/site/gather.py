"""Gather: read one namespace of the catalogue out of git. Nothing is written, no clock is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from gitstore.errors import GitstoreError, SpecError
from gitstore.memo import Memo
from gitstore.model.canonical import short
from gitstore.model.environment import LoadedEnvironment, SpecTree, environment_id
from gitstore.model.problems import errors_of
from gitstore.model.records import History, SolveFacts, build_key, lock_key
from gitstore.model.settings import NamespaceEntry
from gitstore.pipeline.history import load_history, read_record
from gitstore.pipeline.run import load_head
from gitstore.pipeline.state import NamespacePorts
from gitstore.pipeline.versions import Version, VersionIndex
from gitstore.site.catalogue import (
    Content,
    Download,
    Environment,
    Failure,
    Finding,
    Namespace,
    Release,
    downloads_of,
    failure_of,
    finding_of,
    judge_state,
    sort_environments,
    split_packages,
)
from gitstore.site.described import Described, DescriptionReader, parsed
from gitstore.site.packages import PackageReader
from gitstore.site.text import clean, first_line, split_message


def gather_namespace(ports: NamespacePorts, *, visibility: str, memo: Memo) -> Namespace:
    """Read a namespace at the head of its branch.

    What is wrong with one environment is a value of it, and so is what is wrong with the
    settings: a site that loses its pages over a spelling mistake would be no use to anybody.

    Raises:
        GitError: the repository or its records cannot be read.
    """
    try:
        tree = load_head(ports)
    except SpecError as exc:
        return Namespace(name=ports.namespace, visibility=visibility, findings=(_finding(exc),))
    reader = NamespaceReader(
        ports=ports,
        tree=tree,
        history=load_history(ports.repository, ports.memo),
        packages=PackageReader(ports.repository),
        descriptions=DescriptionReader(
            repository=ports.repository,
            tree=tree,
            runner_platform=ports.runner_platforms[0],
            memo=memo,
        ),
    )
    return Namespace(
        name=ports.namespace,
        visibility=visibility,
        revision=tree.revision,
        frozen=clean(tree.settings.freeze) if tree.settings.freeze else None,
        findings=tuple(finding_of(problem) for problem in tree.problems),
        environments=sort_environments(reader.environments()),
    )


def unreadable_namespace(entry: NamespaceEntry, error: GitstoreError) -> Namespace:
    """Stand in for a namespace that cannot be read, so that the others still have their pages."""
    return Namespace(name=entry.name, visibility=entry.visibility, findings=(_finding(error),))


@dataclass(kw_only=True)
class NamespaceReader:
    """Reads the environments of one namespace at one revision."""

    ports: NamespacePorts
    tree: SpecTree
    history: History
    packages: PackageReader
    descriptions: DescriptionReader

    def environments(self) -> Iterator[Environment]:
        """Yield what the revision holds, then what it held once."""
        names = set()
        for loaded in self.tree.environments:
            names.add(loaded.name)
            yield self._guarded(loaded.name, partial(self._present, loaded))
        for name in sorted(self.history.solves.keys() - names):
            if environment_id(name)[0] != name:
                continue  # Anybody who may push can write a record; such a name gets no page.
            yield self._guarded(name, partial(self._retired, name))

    def _guarded(self, name: str, read: Callable[[], Environment]) -> Environment:
        try:
            return read()
        except GitstoreError as exc:
            return Environment(
                namespace=self.tree.namespace,
                name=name,
                state="unreadable",
                findings=(_finding(exc),),
            )

    @cached_property
    def _settings_findings(self) -> tuple[Finding, ...]:
        return tuple(finding_of(problem) for problem in errors_of(self.tree.problems))

    @cached_property
    def _versions(self) -> Mapping[str, Sequence[Version]]:
        index = VersionIndex(self.ports.repository, self.ports.versions_memo)
        return index.at(self.tree.revision or "")

    @cached_property
    def _builds(self) -> Mapping[tuple[str, str], list[str]]:
        """The records of builds by platform and content prefix, whatever their recipe."""
        found: dict[tuple[str, str], list[str]] = {}
        for platform, stems in self.history.builds.items():
            for stem, oid in sorted(stems.items()):
                found.setdefault((platform, stem.partition("-")[0]), []).append(oid)
        return found

    @cached_property
    def _folders(self) -> Mapping[str, str]:
        """The targets that are folders, by name."""
        every = [target for targets in self.ports.targets.values() for target in targets]
        return {target.name: target.path for target in every if target.type == "directory"}

    def _present(self, loaded: LoadedEnvironment) -> Environment:
        solves = self._solves(loaded.name)
        lock = loaded.lock.oid if loaded.lock else None
        if loaded.spec is None and lock in solves:
            return self._retired(loaded.name)
        asked = self.history.solve(loaded.name, loaded.input) if loaded.input else None
        current = solves[asked.lock] if asked and asked.lock == lock else None
        built, unbuilt, failures = parsed(partial(self._judge_builds, loaded, current))
        if current is None:
            failures = self._lock_failures(loaded, solves)
        findings = self._settings_findings + tuple(map(finding_of, errors_of(loaded.problems)))
        environment = Environment(
            namespace=self.tree.namespace,
            name=loaded.name,
            state=judge_state(
                has_spec=loaded.spec is not None,
                is_current=current is not None,
                findings=findings,
                failures=failures,
                built=built,
                unbuilt=unbuilt,
            ),
            platforms=loaded.platforms,
            findings=findings,
            failures=failures,
        )
        versions = self._versions.get(loaded.lock_path, [])
        shown = _latest(versions, solves, any_lock=loaded.spec is None)
        recipe = loaded.recipe.digest if loaded.recipe else None
        described = self.descriptions.of(loaded)
        if current is None and shown is not None:
            # What is shown answers an older spec: its packages are told apart by that one.
            locked = self.descriptions.of_record(self._solve_record(loaded.name, shown.lock))
            described = replace(described or locked, direct=locked.direct)
        return self._with_version(
            environment, described or Described(), versions, shown, recipe=recipe
        )

    def _retired(self, name: str) -> Environment:
        """Read an environment that only records and the branch's history still know."""
        last = self._solve_record(name)
        versions = self._versions.get(parsed(lambda: str(last["lock"]["path"])), [])
        environment = Environment(
            namespace=self.tree.namespace,
            name=name,
            # With broken settings nobody knows where specs lie: it may well be there.
            state="problems" if self._settings_findings else "retired",
            findings=self._settings_findings,
        )
        shown = _latest(versions, self._solves(name))
        described = self.descriptions.of_record(last)
        return self._with_version(environment, described, versions, shown)

    def _with_version(
        self,
        environment: Environment,
        described: Described,
        versions: Sequence[Version],
        shown: Version | None,
        *,
        recipe: str | None = None,
    ) -> Environment:
        """Add what the spec says, the history, and the contents of the version that is shown."""
        solves = self._solves(environment.name)
        history = tuple(self._release(version, solves) for version in reversed(versions))
        environment = replace(
            environment,
            description=described.description,
            owners=described.owners,
            tags=described.tags,
            history=history,
        )
        if shown is None:
            return environment
        where = f"{environment.namespace}/{environment.name}"
        lock = self.packages.lock_content(shown.lock, where=where)
        digests = solves[shown.lock].content if shown.lock in solves else {}
        stem = f"{environment.name}-{shown.number}"
        contents = []
        for platform, packages in sorted(lock.platforms.items()):
            direct, others = split_packages(packages, described.direct)
            digest = digests.get(platform)
            downloads = self._downloads(platform, digest, recipe, stem) if digest else ()
            contents.append(
                Content(platform=platform, direct=direct, others=others, downloads=downloads)
            )
        return replace(
            environment,
            platforms=tuple(content.platform for content in contents),
            channels=lock.channels,
            contents=tuple(contents),
            dropped=lock.dropped,
            shown=next(found for found in history if found.number == shown.number),
            lock=None if lock.has_secret else shown.lock,
        )

    def _solves(self, name: str) -> dict[str, SolveFacts]:
        """Return what is recorded of an environment's lockfiles, by their blobs."""

        def read() -> dict[str, SolveFacts]:
            found = self.history.solves_of(name)
            return {facts.lock: replace(facts, content=dict(facts.content)) for facts in found}

        return parsed(read)

    def _solve_record(self, name: str, lock: str | None = None) -> dict[str, Any]:
        """Return the latest solve record of an environment or of one lockfile; empty for none."""
        oids = self.history.solves.get(name, {}).values()
        records = [read_record(self.ports.repository, oid) for oid in oids]

        def latest() -> dict[str, Any]:
            found = [one for one in records if lock in (None, one["lock"]["oid"])]
            return max(found, key=lambda one: int(one["number"]), default={})

        return parsed(latest)

    def _judge_builds(
        self, loaded: LoadedEnvironment, solved: SolveFacts | None
    ) -> tuple[list[str], list[str], tuple[Failure, ...]]:
        """Return the platforms that are built, those to be built here, and what failed."""
        built, unbuilt, failures = [], [], []
        recipe = loaded.recipe.digest if loaded.recipe else ""
        for platform, content in sorted(solved.content.items()) if solved else ():
            if self.history.build(platform, content, recipe) is not None:
                built.append(platform)
                continue
            if failure := self._failure(loaded.name, build_key(platform, content, recipe)):
                failures.append(failure)
            if platform in self.ports.runner_platforms:
                unbuilt.append(platform)
        return built, unbuilt, tuple(failures)

    def _lock_failures(
        self, loaded: LoadedEnvironment, solves: Mapping[str, SolveFacts]
    ) -> tuple[Failure, ...]:
        if loaded.input is None:
            return ()
        lock = loaded.lock.oid if loaded.lock else None
        unverified = lock if lock not in solves else None
        failure = self._failure(loaded.name, lock_key(loaded.input, unverified))
        return (failure,) if failure else ()

    def _failure(self, environment: str, key: str) -> Failure | None:
        found = self.history.failures.get(environment, {}).get(short(key))
        if found is None:
            return None
        record = read_record(self.ports.repository, found[1])
        return parsed(lambda: failure_of(record))

    def _downloads(
        self, platform: str, content: str, recipe: str | None, stem: str
    ) -> tuple[Download, ...]:
        """Return what was built of a content: by this recipe, else by any other."""
        exact = self.history.builds.get(platform, {}).get(
            f"{short(content)}-{short(recipe or '', 8)}"
        )
        oids = [exact] if exact else self._builds.get((platform, short(content)), [])
        for oid in oids:
            record = read_record(self.ports.repository, oid)
            if record.get("content") == content:
                return parsed(
                    partial(
                        downloads_of, record, platform=platform, stem=stem, folders=self._folders
                    )
                )
        return ()

    def _release(self, version: Version, solves: Mapping[str, SolveFacts]) -> Release:
        subject, body = split_message(self.ports.repository.message(version.commit))
        return Release(
            number=version.number,
            commit=version.commit,
            time=version.time,
            subject=subject,
            body=body,
            verified=version.lock in solves,
        )


def _finding(error: GitstoreError) -> Finding:
    return Finding(code=error.code, message=first_line(error.message), hint=clean(error.hint or ""))


def _latest(
    versions: Sequence[Version], solves: Mapping[str, SolveFacts], *, any_lock: bool = False
) -> Version | None:
    """Return the latest version whose lockfile a record knows (``any_lock``: the latest)."""
    known = (version for version in reversed(versions) if any_lock or version.lock in solves)
    return next(known, None)
