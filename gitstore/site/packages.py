"""Packages of the catalogue: read from lockfiles, with the sizes and licences that records know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitstore.model.channels import has_secret
from gitstore.model.lockfile import LockedPackage, Lockfile
from gitstore.model.lockread import LockReadError, package_of, parse_lockfile
from gitstore.model.records import RECORDS_REF, package_path
from gitstore.pipeline.ports import Repository
from gitstore.site.catalogue import Package
from gitstore.site.text import clean, first_line

# One package as `render_lockfile` writes it, after its `- name: `.
_SCALAR = r"""([A-Za-z_/][\w./:+-]*|'[^'\n]*'|"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*")"""
_BLOCK = re.compile(
    rf"{_SCALAR}\n"
    rf"  version: {_SCALAR}\n"
    rf"  manager: {_SCALAR}\n"
    rf"  platform: {_SCALAR}\n"
    r"  dependencies:.*\n(?:    .+\n)*"
    rf"  url: {_SCALAR}\n"
    rf"  hash:\n(?:    md5: .+\n)?    sha256: {_SCALAR}\n"
    r"  category: .+\n  optional: .+",
    re.ASCII,
)
_OURS = "\n    gitstore.format: '1'\n"
_NEXT = "\n- name: "


@dataclass(frozen=True, kw_only=True, slots=True)
class LockContent:
    """What the site shows of a lockfile. ``has_secret`` says that it must not be handed out."""

    channels: tuple[str, ...]
    platforms: Mapping[str, tuple[Package, ...]]
    dropped: Mapping[str, str] = field(default_factory=dict)
    has_secret: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One package on one platform, and whether its URL holds a secret."""

    platform: str
    package: Package
    has_secret: bool


@dataclass(slots=True)
class PackageReader:
    """Reads the lockfiles of one repository. A package is one value, however often it is used."""

    repository: Repository
    _blocks: dict[str, Entry] = field(default_factory=dict)

    def lock_content(self, oid: str, *, where: str) -> LockContent:
        """Read a lockfile's blob.

        Raises:
            SpecError: it is no lockfile.
            GitError: the blob is missing.
        """
        data = self.repository.read(oid)
        lock, entries = self._read_ours(data, where) or self._read_any(data, where)
        platforms: dict[str, list[Package]] = {platform: [] for platform in lock.platforms}
        for entry in entries:
            platforms[entry.platform].append(entry.package)
        return LockContent(
            channels=tuple(clean(channel) for channel in lock.channels),
            platforms={platform: tuple(packages) for platform, packages in platforms.items()},
            dropped=_dropped(lock),
            has_secret=any(map(has_secret, lock.channels)) or any(e.has_secret for e in entries),
        )

    def _read_ours(self, data: bytes, where: str) -> tuple[Lockfile, list[Entry]] | None:
        """Read what gitstore wrote block by block, which is far quicker than as YAML.

        Most blocks stand in many lockfiles, and are taken apart once. None for other files.
        """
        head, _, packages = data.decode("utf-8", "replace").partition(f"\npackage:{_NEXT}")
        if _OURS not in head or not packages:
            return None
        entries = []
        for block in packages.removesuffix("\n").split(_NEXT):
            entry = self._blocks.get(block)
            if entry is None:
                locked = _package_of_block(block)
                if locked is None:
                    return None
                entry = self._blocks[block] = self._entry(locked)
            entries.append(entry)
        lock = parse_lockfile(f"{head}\npackage: []\n".encode(), where=where)
        platforms = {entry.platform for entry in entries}
        if not platforms.issubset(lock.platforms) or len(entries) > len(
            {(entry.platform, entry.package.manager, entry.package.name) for entry in entries}
        ):
            return None
        return lock, entries

    def _read_any(self, data: bytes, where: str) -> tuple[Lockfile, list[Entry]]:
        lock = parse_lockfile(data, where=where)
        return lock, [self._entry(package) for package in lock.packages]

    def _entry(self, locked: LockedPackage) -> Entry:
        size, license_ = self._facts(locked.sha256)
        package = Package(
            name=clean(locked.name),
            version=clean(locked.version),
            build=clean(locked.build),
            size=size,
            license=license_,
            manager=clean(locked.manager),
        )
        return Entry(platform=locked.platform, package=package, has_secret=has_secret(locked.url))

    def _facts(self, sha256: str) -> tuple[int | None, str | None]:
        """Return a package's size and licence; nothing where no sound record tells them."""
        head = self.repository.resolve(RECORDS_REF)
        if head is None or not re.fullmatch(r"[0-9a-f]{64}", sha256):
            return None, None
        found = self.repository.entry(head, package_path(sha256))
        try:
            record = json.loads(self.repository.read(found.oid)) if found else {}
            size, license_ = record.get("size"), record.get("license")
        except (ValueError, AttributeError):
            return None, None
        return (
            size if isinstance(size, int) else None,
            clean(license_) if isinstance(license_, str) and license_ else None,
        )


def _package_of_block(block: str) -> LockedPackage | None:
    """Read one package of ours; None where it is not just as we write them."""
    match = _BLOCK.fullmatch(block)
    if match is None:
        return None
    name, version, manager, platform, url, sha256 = map(_unquoted, match.groups())
    fields = {"name": name, "version": version, "manager": manager, "platform": platform}
    try:
        return package_of({**fields, "url": url, "hash": {"sha256": sha256}}, name)
    except LockReadError:
        return None


def _dropped(lock: Lockfile) -> dict[str, str]:
    return {clean(name): first_line(reason) for name, reason in lock.metadata.dropped.items()}


def _unquoted(scalar: str) -> str:
    if scalar.startswith("'"):
        return scalar[1:-1]
    return str(json.loads(scalar)) if scalar.startswith('"') else scalar
