"""Find the environments of a tree by their paths: which spec, which lockfile, which name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gitstore.memo import Memo
from gitstore.model.canonical import digest
from gitstore.model.environment import (
    LoadedEnvironment,
    SpecPattern,
    TreeEntry,
    environment_id,
    lock_path_for,
)
from gitstore.model.problems import Problem
from gitstore.model.settings import NamespaceSettings
from gitstore.pipeline.ports import SourceTree


def find_environments(
    source: SourceTree, settings: NamespaceSettings, namespace: str, memo: Memo
) -> tuple[list[LoadedEnvironment], list[Problem]]:
    """Return the environments by name, none of them read yet, and the problems of stray paths.

    What lies where follows from the ids of the folders that patterns look into, so it is derived
    once for each of their states.
    """
    key = _key(source, settings, namespace)
    if key is None:
        return _find(source, settings, namespace)

    def make() -> Any:
        found, problems = _find(source, settings, namespace)
        return [[_to_list(env) for env in found], [problem.to_dict() for problem in problems]]

    found, problems = memo.derive("found", key, make)
    return [_from_list(item) for item in found], [Problem.from_dict(data) for data in problems]


def _key(source: SourceTree, settings: NamespaceSettings, namespace: str) -> str | None:
    """Identify the state of every folder and file that the patterns look at; None on a disk."""
    if source.revision is None:
        return None
    states = []
    for text in settings.environments:
        pattern = SpecPattern(text)
        if pattern.has_name:
            states.append([text, source.folder_id(pattern.prefix)])
        else:
            states.append([text, *(entry.oid for entry in _candidates(source, pattern))])
    return digest([namespace, states])


def _to_list(environment: LoadedEnvironment) -> list[Any]:
    spec, lock = environment.spec, environment.lock
    return [
        environment.name,
        [spec.path, spec.oid, spec.kind] if spec else None,
        environment.lock_path,
        [lock.path, lock.oid, lock.kind] if lock else None,
        [problem.to_dict() for problem in environment.problems],
    ]


def _from_list(item: list[Any]) -> LoadedEnvironment:
    name, spec, lock_path, lock, problems = item
    return LoadedEnvironment(
        name=name,
        spec=TreeEntry(path=spec[0], oid=spec[1], kind=spec[2]) if spec else None,
        lock_path=lock_path,
        lock=TreeEntry(path=lock[0], oid=lock[1], kind=lock[2]) if lock else None,
        problems=tuple(Problem.from_dict(data) for data in problems) if problems else (),
    )


def _find(
    source: SourceTree, settings: NamespaceSettings, namespace: str
) -> tuple[list[LoadedEnvironment], list[Problem]]:
    """Find specs and lockfiles by the patterns; judge names; refuse collisions."""
    specs: dict[str, tuple[str, TreeEntry]] = {}
    locks: dict[str, tuple[str, TreeEntry]] = {}
    for text in settings.environments:
        pattern = SpecPattern(text)
        for entry in _candidates(source, pattern):
            matched = pattern.match(entry.path)
            if matched is None:
                continue
            raw, is_lock = matched
            (locks if is_lock else specs).setdefault(
                entry.path, (raw if pattern.has_name else namespace, entry)
            )
    found: dict[str, list[LoadedEnvironment]] = {}
    problems: list[Problem] = []
    for raw, entry in specs.values():
        lock_path = lock_path_for(entry.path)
        lock = locks.pop(lock_path, ("", None))[1]
        _add(
            found,
            problems,
            raw,
            LoadedEnvironment(name="", spec=entry, lock_path=lock_path, lock=lock),
        )
    for raw, entry in locks.values():
        _add(
            found,
            problems,
            raw,
            LoadedEnvironment(name="", spec=None, lock_path=entry.path, lock=entry),
        )
    environments = [env for name in sorted(found) for env in _without_collisions(found[name])]
    return environments, problems


def _candidates(source: SourceTree, pattern: SpecPattern) -> Iterable[TreeEntry]:
    if pattern.has_name:
        return source.entries(pattern.prefix)
    stem = pattern.pattern.rpartition(".")[0]
    paths = (f"{stem}.yml", f"{stem}.yaml", lock_path_for(pattern.pattern))
    return [entry for path in paths if (entry := source.entry(path)) is not None]


def _add(
    found: dict[str, list[LoadedEnvironment]],
    problems: list[Problem],
    raw: str,
    environment: LoadedEnvironment,
) -> None:
    name, said = environment_id(raw)
    said = [problem.at_file(environment.path) for problem in said]
    if name is None:
        problems += said
        return
    found.setdefault(name, []).append(replace(environment, name=name, problems=tuple(said)))


def _without_collisions(same_name: list[LoadedEnvironment]) -> list[LoadedEnvironment]:
    specs = [environment for environment in same_name if environment.spec is not None]
    if len(specs) < 2:
        return specs or same_name[:1]
    paths = " and ".join(f"`{environment.path}`" for environment in specs)
    problem = Problem(
        code="name-collision",
        message=f"{paths} would both be the environment `{specs[0].name}`",
        hint="rename one of the two",
        file=specs[0].path,
    )
    return [replace(specs[0], problems=(*specs[0].problems, problem))]
