"""Settings of a store and of a namespace: parsed, defaulted, nothing read from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from gitstore.model.channels import NODEFAULTS, check_channel, has_secret, redact
from gitstore.model.cutoff import cutoff
from gitstore.model.problems import Problem
from gitstore.model.pypisettings import PypiSettings
from gitstore.model.schema import check_schema
from gitstore.model.yamltext import Document, KeyPath

NAMESPACE_FILE = "gitstore.yml"
STORE_FILE = "store.yml"
DEFAULT_AUTHOR = "gitstore <gitstore@localhost>"
_SIZES = {"M": 1024**2, "G": 1024**3}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespaceSettings:
    """``gitstore.yml``. ``platforms`` is None where the runner's own platform is meant."""

    environments: tuple[str, ...] = ("environments/{name}/environment.yml", "environment.yml")
    channels: tuple[str, ...] = ("conda-forge",)
    platforms: tuple[str, ...] | None = None
    virtual_packages: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    channel_priority: str = "strict"
    exclude_newer: str | None = None
    solver: str = "rattler"
    pypi: PypiSettings = field(default_factory=PypiSettings)
    artifacts: tuple[str, ...] = ("archive",)
    branch: str | None = None
    author: str = DEFAULT_AUTHOR
    message: str = "lock {environment}"
    freeze: str | None = None
    allowed_channels: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespaceEntry:
    """One namespace as ``store.yml`` lists it."""

    name: str
    path: str
    visibility: str = "private"


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectoryTarget:
    """A target that is a folder, relative to the store."""

    name: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSettings:
    """``store.yml``. ``workers`` is None for one a core; time-outs are seconds, memory is bytes."""

    name: str
    namespaces: tuple[NamespaceEntry, ...] = ()
    targets: tuple[DirectoryTarget, ...] = (DirectoryTarget(name="local", path="artifacts"),)
    publish: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    workers: int | None = None
    memory: int | None = None
    solve_timeout: float = 600.0
    build_timeout: float = 3600.0
    allowed_channels: tuple[str, ...] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accepted_terms: tuple[str, ...] = ()
    sdists: bool = False
    site_title: str | None = None
    site_base_url: str | None = None

    def targets_for(self, kind: str) -> tuple[str, ...]:
        """Return the names of the targets that artifacts of ``kind`` go to."""
        every = tuple(target.name for target in self.targets)
        return self.publish.get(kind, every)

    def namespace(self, name: str) -> NamespaceEntry | None:
        return next((entry for entry in self.namespaces if entry.name == name), None)


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration such as ``10m``."""
    return float(int(duration[:-1]) * _UNITS[duration[-1]])


def bytes_of(size: str) -> int:
    """Return the bytes of a size such as ``4G``; a K is 1024."""
    return int(size[:-1]) * _SIZES[size[-1]]


def check_namespace_settings(document: Document) -> list[Problem]:
    """Return every problem of a ``gitstore.yml``."""
    problems = _check_mapping(document, "namespace")
    if not problems:
        data = document.value or {}
        problems += _check_patterns(document, data.get("environments", []))
        problems += _check_channels(document, data.get("channels", []), "channels")
        problems += _check_cutoff(document, (data.get("solve") or {}).get("exclude-newer"))
        problems += _check_indexes(document, data.get("pypi") or {})
    return problems


def namespace_settings(document: Document) -> NamespaceSettings:
    """Return the settings of a ``gitstore.yml`` that has no errors, with the defaults filled in."""
    data = document.value or {}
    defaults = NamespaceSettings()
    commit = data.get("commit") or {}
    freeze = data.get("freeze")
    solve = data.get("solve") or {}
    return NamespaceSettings(
        environments=tuple(data.get("environments", defaults.environments)),
        channels=tuple(c for c in data.get("channels", defaults.channels) if c != NODEFAULTS),
        platforms=tuple(data["platforms"]) if "platforms" in data else None,
        virtual_packages=data.get("virtual-packages", {}),
        channel_priority=solve.get("channel-priority", "strict"),
        exclude_newer=solve.get("exclude-newer"),
        solver=solve.get("solver", "rattler"),
        pypi=_pypi(data.get("pypi") or {}),
        artifacts=tuple(data.get("artifacts", defaults.artifacts)),
        branch=commit.get("branch"),
        author=commit.get("author") or DEFAULT_AUTHOR,
        message=commit.get("message") or defaults.message,
        freeze=freeze["reason"] if freeze else None,
        allowed_channels=_allowed_channels(data),
    )


def _pypi(data: Mapping[str, Any]) -> PypiSettings:
    return PypiSettings(
        index=data.get("index"),
        extra_indexes=tuple(data.get("extra-indexes", ())),
        sdists=data.get("sdists", False),
    )


def check_store_settings(document: Document) -> list[Problem]:
    """Return every problem of a ``store.yml``."""
    problems = _check_mapping(document, "store")
    if problems:
        return problems
    problems += _check_urls(document, document.value.get("channels") or {})
    names = sorted(document.value.get("targets") or ("local",))
    for kind, wanted in (document.value.get("publish") or {}).items():
        for index, name in enumerate(wanted):
            if name not in names:
                said, hint = f"there is no target `{name}`", f"one of {', '.join(names)}"
                at = ("publish", kind, index)
                problems.append(document.problem(at, "invalid-value", said, hint))
    return problems


def store_settings(document: Document) -> StoreSettings:
    """Return the settings of a ``store.yml`` that has no errors, with the defaults filled in."""
    data = document.value
    executor = data.get("executor") or {}
    timeouts = executor.get("timeouts") or {}
    workers = executor.get("workers", "auto")
    site = data.get("site") or {}
    channels = data.get("channels") or {}
    targets = tuple(
        DirectoryTarget(name=name, path=entry["path"])
        for name, entry in (data.get("targets") or {}).items()
    )
    return StoreSettings(
        name=data["name"],
        namespaces=tuple(
            NamespaceEntry(
                name=name, path=entry["path"], visibility=entry.get("visibility", "private")
            )
            for name, entry in sorted((data.get("namespaces") or {}).items())
        ),
        targets=targets or StoreSettings(name="").targets,
        publish={kind: tuple(wanted) for kind, wanted in (data.get("publish") or {}).items()},
        workers=None if workers == "auto" else workers,
        memory=bytes_of(executor["memory"]) if executor.get("memory") else None,
        solve_timeout=seconds_of(timeouts.get("solve", "10m")),
        build_timeout=seconds_of(timeouts.get("build", "60m")),
        allowed_channels=_allowed_channels(data),
        aliases=channels.get("aliases") or {},
        mirrors={url: tuple(found) for url, found in (channels.get("mirrors") or {}).items()},
        accepted_terms=tuple(entry["channel"] for entry in channels.get("terms") or ()),
        sdists=(data.get("limits") or {}).get("sdists", False),
        site_title=site.get("title"),
        site_base_url=site.get("base-url"),
    )


def _allowed_channels(data: Mapping[str, Any]) -> tuple[str, ...] | None:
    allowed = (data.get("policy") or {}).get("channels")
    return tuple(allowed) if allowed else None


def _check_mapping(document: Document, schema: str) -> list[Problem]:
    if document.value is None and schema == "namespace":
        return []
    if not isinstance(document.value, dict):
        return [document.problem((), "not-a-mapping", "the file holds no keys")]
    return check_schema(document, schema)


def _check_patterns(document: Document, patterns: list[str]) -> list[Problem]:
    problems = []
    for index, pattern in enumerate(patterns):
        fields = re.findall(r"\{[^}]*\}?", pattern)
        if fields not in ([], ["{name}"]) or "*" in pattern:
            said = f"`{pattern}` must hold `{{name}}` once or not at all, and no `*`"
            hint = "for example `environments/{name}/environment.yml`"
            problems.append(document.problem(("environments", index), "invalid-value", said, hint))
    return problems


def _check_urls(document: Document, channels: Mapping[str, Any]) -> list[Problem]:
    """Check the URLs of aliases and mirrors: they stand in git too."""
    urls: dict[KeyPath, str] = {
        ("channels", "aliases", name): url for name, url in (channels.get("aliases") or {}).items()
    }
    for base, mirrors in (channels.get("mirrors") or {}).items():
        urls["channels", "mirrors", base] = base
        for index, url in enumerate(mirrors):
            urls["channels", "mirrors", base, index] = url
    return [
        document.problem(at, found.code, found.message, found.hint)
        for at, url in urls.items()
        for found in check_channel(url)
    ]


def _check_cutoff(document: Document, text: str | None) -> list[Problem]:
    if text is None:
        return []
    try:
        cutoff(text, datetime(2026, 1, 1, tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        said = f"`{text[:60]}` is neither a day, a moment nor a duration"
        hint = "such as `2026-11-01`, `2026-11-01T12:00:00Z` or `7d`"
        return [document.problem(("solve", "exclude-newer"), "invalid-value", said, hint)]
    return []


def _check_indexes(document: Document, pypi: Mapping[str, Any]) -> list[Problem]:
    urls: dict[KeyPath, str] = {("pypi", "index"): pypi["index"]} if pypi.get("index") else {}
    for number, url in enumerate(pypi.get("extra-indexes", ())):
        urls["pypi", "extra-indexes", number] = url
    problems = []
    for at, url in urls.items():
        if has_secret(url):
            said = f"the URL `{redact(url)}` holds a name, a password or a token"
            hint = "remove it: who runs the solve has credentials in uv's own store, or in netrc"
            problems.append(document.problem(at, "pypi-secret", said, hint))
        elif not url.startswith(("https://", "http://")):
            said, hint = f"`{url}` is not the URL of an index", "begin it with `https://`"
            problems.append(document.problem(at, "invalid-value", said, hint))
    return problems


def _check_channels(document: Document, channels: list[str], key: str) -> list[Problem]:
    return [
        document.problem((key, index), found.code, found.message, found.hint)
        for index, channel in enumerate(channels)
        if channel != NODEFAULTS
        for found in check_channel(channel)
    ]
