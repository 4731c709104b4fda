"""The ``dependencies:`` of a spec: conda packages, and what stands below ``pip:``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitstore.model.matchspec import Fault, judge_matchspec
from gitstore.model.problems import Fix, Problem
from gitstore.model.requirement import (
    Include,
    Options,
    Requirement,
    RequirementError,
    read_requirement,
)
from gitstore.model.selectors import (
    SelectorError,
    comment_selector,
    key_selector,
    selected_platforms,
)
from gitstore.model.yamltext import Document, KeyPath

_REQUIREMENTS_FILE = ("-r ", "--requirement ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """One MatchSpec and its key path; ``selector`` says where it counts, None for everywhere."""

    text: str
    selector: str | None = None
    place: KeyPath = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiDependency:
    """One requirement from below ``pip:``; ``selector`` as of a conda dependency."""

    requirement: Requirement
    selector: str | None = None


@dataclass(kw_only=True, slots=True)
class Dependencies:
    """What a spec asks for, in its order, and the problems of saying it.

    ``selectors`` are those that stand in comments, by the path of the item: what YAML drops.
    """

    conda: list[Dependency] = field(default_factory=list)
    pypi: list[PypiDependency] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    prereleases: bool = False
    selectors: dict[str, str] = field(default_factory=dict)
    places: dict[str, KeyPath] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_dependencies(document: Document, value: Any) -> Dependencies:
    """Read the value of ``dependencies:``; what is wrong is a problem, the rest is read."""
    found = Dependencies()
    path: KeyPath = ("dependencies",)
    if value is None or value == []:
        said = "`dependencies` is empty"
        if "dependencies" in document.value:
            found.problems.append(document.problem(path, "no-dependencies", said))
        return found
    if not isinstance(value, list):
        hint = "write each package on a line of its own that begins with `- `"
        said = "`dependencies` must be a list"
        found.problems.append(document.problem(path, "wrong-type", said, hint))
        return found
    for index, item in enumerate(value):
        _read_item(document, (*path, index), item, found)
    return found


def read_lines(lines: Iterable[str], found: Dependencies, *, where: str) -> list[Include]:
    """Read a requirements file into ``found``; return the files that it names in turn."""
    includes: list[Include] = []
    pending = ""
    for number, line in enumerate(lines, start=1):
        text = pending + line.strip()
        if text.endswith("\\"):
            pending = text[:-1]
            continue
        pending = ""
        if not text or text.startswith("#"):
            continue
        try:
            read = read_requirement(text)
        except RequirementError as exc:
            found.problems.append(_requirement_problem(exc, where, number, text))
            continue
        if isinstance(read, Include):
            includes.append(read)
        else:
            _take(read, None, found)
    return includes


def _read_item(document: Document, at: KeyPath, item: Any, found: Dependencies) -> None:
    if isinstance(item, str):
        text = item.strip()
        if text.startswith(_REQUIREMENTS_FILE):
            said = f"`{text[:60]}` is no conda package, and is read as if it stood below `pip:`"
            hint = "move the line below a `- pip:`"
            found.problems.append(document.problem(at, "pypi-misplaced", said, hint))
            _read_pip_line(document, at, text, None, found)
            return
        _read_package(document, at, text, _selector_at(document, at, found), found)
    elif isinstance(item, dict):
        for key, value in item.items():
            _read_entry(document, (*at, key), key, value, found)
    else:
        said = _not_text(document, at, item)
        hint = "write `name` or `name >=1.2`"
        found.problems.append(document.problem(at, "wrong-type", said, hint))


def _read_entry(document: Document, at: KeyPath, key: str, value: Any, found: Dependencies) -> None:
    """Read one key of an item that is a mapping: ``pip:``, ``sel(linux):``, or a mistake."""
    selector = key_selector(key)
    if key == "pip":
        _read_pip(document, at, value, found)
    elif selector is not None:
        try:
            selected_platforms(selector)
        except SelectorError as exc:
            hint = "such as `sel(linux)`, `sel(osx and arm64)`, `sel(not win)`"
            found.problems.append(
                document.problem(at, "spec-selector", f"`{key[:60]}`: {exc}", hint)
            )
            return
        for place, text in _texts(document, at, value, found):
            _read_package(document, place, text, selector, found)
    else:
        is_version = isinstance(value, (str, int, float))
        version = document.text(at, value) if is_version else ""
        written = f"{key}: {version}"[:80].rstrip(" :")
        better = f"{key}={version}" if version else key
        found.problems.append(
            document.problem(
                at,
                "wrong-type",
                f"`{written}` is a mapping where a package should stand",
                f"write `- {better}`, with no `:`",
            )
        )


def _read_pip(document: Document, at: KeyPath, value: Any, found: Dependencies) -> None:
    found.places["pip:"] = at
    if value is None:
        said = "`pip:` is empty"
        found.problems.append(document.problem(at, "no-dependencies", said, "remove the line"))
        return
    for place, text in _texts(document, at, value, found):
        selector = _selector_at(document, place, found)
        _read_pip_line(document, place, text, selector, found)


def _read_pip_line(
    document: Document, at: KeyPath, text: str, selector: str | None, found: Dependencies
) -> None:
    try:
        read = read_requirement(text)
    except RequirementError as exc:
        fixes = _fixes(document, at, text, exc.better)
        found.problems.append(document.problem(at, exc.code, exc.message, exc.hint, fixes))
        return
    if isinstance(read, Include):
        found.includes.append(read)
        found.places[read.path] = at
    else:
        _take(read, selector, found)


def _take(read: Requirement | Options, selector: str | None, found: Dependencies) -> None:
    if isinstance(read, Requirement):
        found.pypi.append(PypiDependency(requirement=read, selector=selector))
    else:
        found.indexes += read.indexes
        found.prereleases = found.prereleases or read.prereleases


def _texts(
    document: Document, at: KeyPath, value: Any, found: Dependencies
) -> list[tuple[KeyPath, str]]:
    """Return the texts of one item or of a list, each with its place."""
    items: Mapping[KeyPath, Any] = (
        {(*at, index): item for index, item in enumerate(value)}
        if isinstance(value, list)
        else {at: value}
    )
    texts = []
    for place, item in items.items():
        if isinstance(item, str):
            texts.append((place, item.strip()))
        else:
            said = _not_text(document, place, item)
            hint = "write `name` or `name>=1.2`"
            found.problems.append(document.problem(place, "wrong-type", said, hint))
    return texts


def _not_text(document: Document, at: KeyPath, item: Any) -> str:
    if isinstance(item, (dict, list)):
        kind = "a mapping" if isinstance(item, dict) else "a list"
        return f"{kind} stands where a package should"
    return f"`{document.text(at, item)}` is not a package" if item is not None else "an empty item"


def _read_package(
    document: Document, at: KeyPath, text: str, selector: str | None, found: Dependencies
) -> None:
    fault = judge_matchspec(text)
    if fault is not None:
        found.problems.append(_package_problem(document, at, text, fault))
    if fault is None or not fault.fatal:
        found.conda.append(Dependency(text=text, selector=selector, place=at))


def _selector_at(document: Document, at: KeyPath, found: Dependencies) -> str | None:
    """Return the selector in the comment behind an item, if it is one that can be understood."""
    selector = comment_selector(document.line(at))
    if selector is None:
        return None
    try:
        selected_platforms(selector)
    except SelectorError as exc:
        said = f"`# [{selector[:60]}]` looks like a platform selector, but {exc}"
        hint = "such as `# [linux]`, `# [osx and arm64]`, `# [not win]`"
        found.problems.append(document.problem(at, "selector-ignored", said, hint))
        return None
    found.selectors[".".join(map(str, at))] = selector
    return selector


def _package_problem(document: Document, at: KeyPath, text: str, fault: Fault) -> Problem:
    fixes = _fixes(document, at, text, fault.better)
    return document.problem(at, fault.code, fault.message, fault.hint, fixes)


def _requirement_problem(exc: RequirementError, where: str, line: int, text: str) -> Problem:
    fixes: tuple[Fix, ...] = ()
    if exc.better is not None:
        fixes = (Fix(line=line, old=text, new=exc.better or None),)
    return Problem(
        code=exc.code,
        message=exc.message,
        hint=exc.hint,
        file=where,
        line=line,
        column=1,
        fixes=fixes,
    )


def _fixes(document: Document, at: KeyPath, text: str, better: str | None) -> tuple[Fix, ...]:
    if better is None:
        return ()
    line, _ = document.places.get(at, (0, 0))
    return (Fix(line=line, old=text, new=better or None),) if line else ()
