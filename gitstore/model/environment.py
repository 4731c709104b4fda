"""What a revision of a namespace holds: its environments, each with its digests and problems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from gitstore.model.identity import Recipe
from gitstore.model.problems import Problem, errors_of
from gitstore.model.settings import NamespaceSettings

LOCKFILE = "conda-lock.yml"
_ENVIRONMENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Names that Windows keeps for devices, in any folder and with any ending.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
MAX_NAME = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeEntry:
    """One file of a revision or of a folder: its path from the root and its git blob id."""

    path: str
    oid: str
    kind: str = "file"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitInfo:
    """One commit: its id, its first parent, and seconds since 1970."""

    oid: str
    parent: str | None
    time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedEnvironment:
    """One environment of a revision.

    ``spec`` is None where only a lockfile is left; ``input`` and ``recipe`` are None where the
    spec has errors. ``platforms`` are those that it is to be locked for.
    """

    name: str
    spec: TreeEntry | None
    lock_path: str
    lock: TreeEntry | None
    input: str | None = None
    recipe: Recipe | None = None
    platforms: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not errors_of(self.problems)

    @property
    def path(self) -> str:
        return self.spec.path if self.spec else self.lock_path


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecTree:
    """A namespace at one revision (None: an uncommitted folder)."""

    namespace: str
    revision: str | None
    settings: NamespaceSettings
    environments: tuple[LoadedEnvironment, ...]
    problems: tuple[Problem, ...] = field(default=())

    def by_name(self) -> Mapping[str, LoadedEnvironment]:
        return {environment.name: environment for environment in self.environments}

    def all_problems(self) -> Iterator[Problem]:
        """Yield the problems of the settings, then those of every environment."""
        yield from self.problems
        for environment in self.environments:
            yield from environment.problems


@dataclass(frozen=True, slots=True)
class SpecPattern:
    """One entry of ``environments:``, such as ``environments/{name}/environment.yml``."""

    pattern: str

    @property
    def has_name(self) -> bool:
        return "{name}" in self.pattern

    @property
    def prefix(self) -> str:
        """The folder below which every match lies, with a final slash, or empty."""
        fixed = self.pattern.partition("{name}")[0]
        return fixed[: fixed.rfind("/") + 1]

    def match(self, path: str) -> tuple[str, bool] | None:
        """Return the environment's raw name and whether ``path`` is its lockfile, not its spec."""
        if path.endswith(LOCKFILE):
            found = _lock_regex(self.pattern).fullmatch(path)
            return (found.groupdict().get("name", ""), True) if found else None
        found = _spec_regex(self.pattern).fullmatch(path)
        return (found.groupdict().get("name", ""), False) if found else None


@cache
def _spec_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(_with_name(pattern.rpartition(".")[0]) + r"\.ya?ml")


@cache
def _lock_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(_with_name(lock_path_for(pattern)))


def _with_name(pattern: str) -> str:
    return re.escape(pattern).replace(r"\{name\}", r"(?P<name>.+)")


def lock_path_for(spec_path: str) -> str:
    """Return where the lockfile of a spec lies.

    ``conda-lock.yml`` beside ``environment.yml``; ``<stem>.conda-lock.yml`` beside ``<stem>.yml``.
    """
    folder, _, name = spec_path.rpartition("/")
    stem = name.rpartition(".")[0]
    lock = LOCKFILE if stem == "environment" else f"{stem}.{LOCKFILE}"
    return f"{folder}/{lock}" if folder else lock


def environment_id(raw: str) -> tuple[str | None, list[Problem]]:
    """Turn the ``{name}`` part of a path into an environment id, or say why it cannot be one."""
    name = raw.replace("/", "-")
    lowered = name.lower()
    if (
        not _ENVIRONMENT_ID.fullmatch(lowered)
        or _RESERVED.fullmatch(lowered)
        or len(lowered) > MAX_NAME
        or lowered.endswith(".")
    ):
        return None, [
            Problem(
                code="name-invalid",
                message=f"`{name[:MAX_NAME]}` cannot be the name of an environment",
                hint="letters, digits, `.`, `_` and `-`, beginning with a letter or a digit",
            )
        ]
    if lowered == name:
        return lowered, []
    said = f"the environment is called `{lowered}`, in lower case"
    return lowered, [Problem(code="name-lowered", message=said, hint="rename its folder")]
