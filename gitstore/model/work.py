"""What travels to a worker process and back: picklable values, no ports, tokens or open files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitstore.model.identity import Recipe
from gitstore.model.lockfile import LockedPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """How channels are reached: ``mirrors`` say where one is read instead; offline, not at all."""

    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    offline: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformRequest:
    """One platform of a solve: its virtual packages, MatchSpecs, and what to keep if possible."""

    platform: str
    virtual_packages: Mapping[str, str]
    dependencies: tuple[str, ...]
    pypi: tuple[str, ...] = ()
    preferred: tuple[LockedPackage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiOptions:
    """What holds for the PyPI half on every platform. The first of ``indexes`` is the main one.

    ``hashes`` are ``algorithm:hex`` by normalised name; ``sdists`` allows what has to be built.
    """

    indexes: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prereleases: bool = False
    sdists: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SolveRequest:
    """One environment to solve.

    ``channels`` are base URLs in order of priority.
    ``platforms_asked`` says whether a platform without a solution fails the environment (asked
    for by name) or is dropped.
    ``pypi`` is None where no platform asks for anything of PyPI. ``exclude_newer`` is RFC 3339;
    ``strategy`` is ``highest``, ``lowest`` or ``lowest-direct``; ``solver`` is ``rattler`` or
    ``conda-lock``.
    """

    environment: str
    channels: tuple[str, ...]
    channel_priority: str
    platforms: tuple[PlatformRequest, ...]
    platforms_asked: bool
    pypi: PypiOptions | None = None
    network: Network = field(default_factory=Network)
    timeout: float = 600.0
    exclude_newer: str | None = None
    strategy: str = "highest"
    solver: str = "rattler"


@dataclass(frozen=True, kw_only=True, slots=True)
class SolvedPackage:
    """One record that a solve chose, with the facts that a lockfile cannot hold."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    url: str
    sha256: str
    md5: str
    size: int | None
    license: str | None
    timestamp: int | None
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    noarch: str | None
    purls: tuple[str, ...]
    manager: str = "conda"

    def to_record(self) -> dict[str, Any]:
        """Return the package's facts (``gitstore:v1/package``)."""
        return {
            "format": 1,
            "kind": "package",
            "manager": self.manager,
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.build_number,
            "subdir": self.subdir,
            "url": self.url,
            "sha256": self.sha256,
            "md5": self.md5 or None,
            "size": self.size,
            "license": self.license,
            "timestamp": self.timestamp,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "noarch": self.noarch,
            "purls": list(self.purls),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Solution:
    """The packages of each platform, and the platforms that were dropped, each with the reason."""

    platforms: Mapping[str, tuple[SolvedPackage, ...]]
    dropped: Mapping[str, str]
    snapshots: Mapping[str, str]
    solver: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """One platform's content to build. ``stem`` begins the artifacts' file names.

    ``work`` is a scratch folder of this build alone, ``cache`` the shared package cache;
    ``expected_bytes`` is what the packages weigh compressed, where that is known.
    """

    environment: str
    platform: str
    content: str
    recipe: Recipe
    stem: str
    packages: tuple[LockedPackage, ...]
    variables: Mapping[str, str]
    work: str
    cache: str
    expected_bytes: int | None = None
    network: Network = field(default_factory=Network)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltArtifact:
    """One file that a build made, still in its work folder. Digests are ``sha256:<hex>``."""

    kind: str
    media_type: str
    name: str
    path: str
    digest: str
    uncompressed: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """What a step of a build took: seconds, and bytes where that means something."""

    name: str
    seconds: float
    bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"name": self.name, "seconds": round(self.seconds, 3)}
        return data if self.bytes is None else {**data, "bytes": self.bytes}


@dataclass(frozen=True, kw_only=True, slots=True)
class TestRun:
    """One smoke test: its command, exit code, and seconds."""

    __test__ = False  # not for pytest

    command: str
    exit_code: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "command": self.command,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildResult:
    """What a build made. ``usage`` has ``peak_rss`` and ``disk`` in bytes."""

    artifacts: tuple[BuiltArtifact, ...]
    phases: tuple[Phase, ...]
    tests: tuple[TestRun, ...]
    sandbox: str
    log: str
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A place for artifacts as a value: what a worker needs to wire the publisher of it."""

    name: str
    type: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedArtifact:
    """An artifact with the places that hold it now, and the targets that are still to get it."""

    kind: str
    media_type: str
    name: str
    digest: str
    uncompressed: str
    size: int
    published: tuple[tuple[str, str], ...] = ()
    pending: tuple[str, ...] = ()
    new_bytes: int = 0

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(target for target, _ in self.published)

    def to_dict(self) -> dict[str, Any]:
        """Return the artifact as build records hold it."""
        return {
            "kind": self.kind,
            "media_type": self.media_type,
            "name": self.name,
            "digest": self.digest,
            "uncompressed": self.uncompressed,
            "size": self.size,
            "published": [{"target": target, "key": key} for target, key in self.published],
            "pending": list(self.pending),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PublishedArtifact:
        return cls(
            kind=data["kind"],
            media_type=data["media_type"],
            name=data["name"],
            digest=data["digest"],
            uncompressed=data["uncompressed"],
            size=data["size"],
            published=tuple((place["target"], place["key"]) for place in data["published"]),
            pending=tuple(data["pending"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOutcome:
    """A build whose artifacts were published. ``result``'s files are gone; its facts stay."""

    result: BuildResult
    published: tuple[PublishedArtifact, ...]
    log: Mapping[str, Any] | None
    publish_seconds: float
    seconds: float
