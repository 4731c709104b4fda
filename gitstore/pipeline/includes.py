"""Read the requirements files that a spec names, from the same tree and nowhere else."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gitstore.model.dependencies import Dependencies, read_lines
from gitstore.model.environment import TreeEntry
from gitstore.model.problems import Problem
from gitstore.model.requirement import Include
from gitstore.model.spec import EnvironmentSpec
from gitstore.pipeline.ports import SourceTree

_MAX_BYTES = 1024 * 1024
_MAX_FILES = 50

Follow = Callable[[SourceTree, TreeEntry], tuple[TreeEntry | None, Problem | None]]


@dataclass(slots=True)
class _Reading:
    """What is being read into: ``files`` are the SHA-256 of each file, by path."""

    source: SourceTree
    follow: Follow
    found: Dependencies = field(default_factory=Dependencies)
    constraints: Dependencies = field(default_factory=Dependencies)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def with_includes(
    source: SourceTree, spec: EnvironmentSpec, path: str, follow: Follow
) -> tuple[EnvironmentSpec, list[Problem]]:
    """Return the spec with the lines of its requirements files, whose bytes count as input."""
    if not spec.pypi.includes:
        return spec, []
    reading = _Reading(source=source, follow=follow)
    for include in spec.pypi.includes:
        _read(reading, include, path, is_constraint=include.is_constraint)
    found, constraints = reading.found, reading.constraints
    wishes = replace(
        spec.pypi,
        dependencies=(*spec.pypi.dependencies, *found.pypi),
        constraints=tuple(constraints.pypi),
        includes=(),
        indexes=tuple(dict.fromkeys((*spec.pypi.indexes, *found.indexes))),
        prereleases=spec.pypi.prereleases or found.prereleases,
    )
    raw = {**spec.raw, "files": dict(sorted(reading.files.items()))}
    problems = [*reading.problems, *found.problems, *constraints.problems]
    return replace(spec, pypi=wishes, raw=raw), problems


def _read(reading: _Reading, include: Include, by: str, *, is_constraint: bool) -> None:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(by), include.path))
    if path in reading.files:
        return
    data = _bytes_of(reading, include, path, by)
    if data is None:
        return
    reading.files[path] = hashlib.sha256(data).hexdigest()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        reading.problems.append(_problem(by, include, "is not text in UTF-8"))
        return
    into = reading.constraints if is_constraint else reading.found
    for further in read_lines(text.splitlines(), into, where=path):
        _read(reading, further, path, is_constraint=is_constraint or further.is_constraint)


def _bytes_of(reading: _Reading, include: Include, path: str, by: str) -> bytes | None:
    if posixpath.isabs(path) or path.startswith(".."):
        reading.problems.append(_problem(by, include, "lies outside of the repository"))
        return None
    if len(reading.files) >= _MAX_FILES:
        reading.problems.append(_problem(by, include, f"is one of more than {_MAX_FILES} files"))
        return None
    entry = reading.source.entry(path)
    if entry is None:
        reading.problems.append(_problem(by, include, "is not there"))
        return None
    target, problem = reading.follow(reading.source, entry)
    if target is None:
        reading.problems += [problem] if problem else []
        return None
    if reading.source.size(target) > _MAX_BYTES:
        reading.problems.append(_problem(by, include, f"is larger than {_MAX_BYTES:,} bytes"))
        return None
    return reading.source.read(target)


def _problem(by: str, include: Include, said: str) -> Problem:
    return Problem(
        code="pypi-include",
        message=f"the requirements file `{include.path}` {said}",
        hint="commit it beside the spec, or write its lines below `pip:`",
        file=by,
        line=1,
        column=1,
    )
