"""Advice about a spec that can be solved as it stands, each with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gitstore.model.channels import CHANNELS_WITH_TERMS
from gitstore.model.dependencies import Dependencies, Dependency
from gitstore.model.matchspec import name_of
from gitstore.model.problems import Fix, Problem
from gitstore.model.yamltext import Document

# `name=1.2.3=build`, `name==1.2.3=build`, `name 1.2.3 build`: what `conda env export` writes.
_BUILD = re.compile(
    r"([\w.-]+(?:::[\w.-]+)?)(={1,2}|\s+)([0-9][\w.!+]*)(=|\s+)([\w.]*_?[0-9][\w.]*)"
)
_SECRET_NAME = re.compile(
    r"(?i)(^|_)(token|secret|passw(or)?d|api_?key|access_?key|private_?key|credentials?)(_|$)"
)
_PINNED = re.compile(r"(?<![<>!~])=\s*[0-9]")
_INTERPRETERS = ("python", "r-base", "nodejs", "julia")
_FEW = 3


def advise(document: Document, channels: Sequence[str], found: Dependencies) -> list[Problem]:
    """Return what a careful colleague would say about a spec."""
    return [
        *_mixed_channels(document, channels),
        *_no_python(document, found),
        *_loose_interpreter(document, found),
        *_builds(document, found),
        *_secrets(document),
    ]


def _mixed_channels(document: Document, channels: Sequence[str]) -> list[Problem]:
    forge = "conda-forge" in channels
    others = [channel for channel in channels if channel in CHANNELS_WITH_TERMS]
    if not forge or not others:
        return []
    at = ("channels", list(channels).index(others[0]))
    said = f"packages of `conda-forge` and `{others[0]}` are built differently, and break together"
    line, _ = document.places.get(at, (0, 0))
    inline = ("channels",) in document.places and document.places["channels",][0] == line
    fixes = () if inline else (Fix(line=line, old=others[0], new=None),)
    hint = f"remove `{others[0]}`"
    return [document.problem(at, "channels-mixed", said, hint, fixes)]


def _no_python(document: Document, found: Dependencies) -> list[Problem]:
    if not (found.pypi or found.includes) or _wish(found, "python") is not None:
        return []
    at = found.places.get("pip:", ("dependencies",))
    said = "`pip:` needs a Python, and the spec names none: any version may come"
    hint = "add `- python=3.12`, or the version that you use"
    return [document.problem(at, "python-missing", said, hint)]


def _loose_interpreter(document: Document, found: Dependencies) -> list[Problem]:
    """Say that packages were pinned and what they run on was not: an update would tear them."""
    if not any(_PINNED.search(wish.text) for wish in found.conda):
        return []
    for name in _INTERPRETERS:
        wish = _wish(found, name)
        if wish is not None and wish.text.lower() == name:
            said = f"packages are pinned here and `{name}` is not: an update may bring the next one"
            hint = f"write `{name}=VERSION`, such as `{name}=3.12`" if name == "python" else ""
            hint = hint or f"write `{name}=VERSION`"
            return [document.problem(wish.place, "pin-loose", said, hint)]
    return []


def _builds(document: Document, found: Dependencies) -> list[Problem]:
    """Say once that builds are pinned; one build is of one platform, and often gone in a year."""
    pinned = [
        (wish, match) for wish in found.conda if (match := _BUILD.fullmatch(wish.text)) is not None
    ]
    if len(pinned) < _FEW:
        return []
    fixes = []
    for wish, match in pinned:
        line, _ = document.places.get(wish.place, (0, 0))
        better = f"{match[1]}={match[3]}"
        if line:
            fixes.append(Fix(line=line, old=wish.text, new=better))
    first, match = pinned[0]
    said = (
        f"{len(pinned)} packages are pinned to one build, which one platform has; a lockfile "
        "keeps builds, a spec says what is wanted"
    )
    hint = f"write `{match[1]}={match[3]}`, or only the packages that you use yourself"
    return [document.problem(first.place, "pin-tight", said, hint, tuple(fixes))]


def _secrets(document: Document) -> list[Problem]:
    """Say that a variable looks like a secret: it goes into git, the lockfile and the archive."""
    variables = document.value.get("variables")
    names = variables if isinstance(variables, dict) else {}
    return [
        document.problem(
            ("variables", name),
            "variable-secret",
            f"`{name[:60]}` looks like a secret; a spec, its lockfile and its archive are no place "
            "for one",
            "remove it, and set it where the environment is used",
        )
        for name in names
        if _SECRET_NAME.search(name)
    ]


def _wish(found: Dependencies, name: str) -> Dependency | None:
    return next((wish for wish in found.conda if name_of(wish.text) == name), None)
