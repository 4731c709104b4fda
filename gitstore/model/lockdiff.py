"""What moved between two lockfiles, and how to say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitstore.model.lockfile import LockedPackage, Lockfile


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageChange:
    """One package on one platform; ``before`` is None if added, ``after`` if removed."""

    name: str
    before: LockedPackage | None
    after: LockedPackage | None
    direct: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "from": f"sha256:{self.before.sha256}" if self.before else None,
            "to": f"sha256:{self.after.sha256}" if self.after else None,
            "from_version": self.before.version if self.before else None,
            "to_version": self.after.version if self.after else None,
            "direct": self.direct,
        }

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    @property
    def words(self) -> str:
        """Say the change in one line, such as ``~ numpy 1.26.4 -> 2.0.0``."""
        before, after = self.before, self.after
        if before is None:
            return f"+ {self.name} {after.version if after else ''}"
        if after is None:
            return f"- {self.name} {before.version}"
        if before.version != after.version:
            return f"~ {self.name} {before.version} -> {after.version}"
        if before.build != after.build:
            return f"~ {self.name} {before.version} (build {before.build} -> {after.build})"
        return f"~ {self.name} {before.version} (other source)"


PlatformChanges = tuple[PackageChange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LockDiff:
    """The changes of each platform that has any, sorted by name."""

    platforms: Mapping[str, PlatformChanges]

    @property
    def is_empty(self) -> bool:
        return not self.platforms

    def to_dict(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        return {
            platform: {
                kind: [change.to_dict() for change in changes if change.kind == kind]
                for kind in ("added", "removed", "changed")
            }
            for platform, changes in self.platforms.items()
        }


def diff_lockfiles(before: Lockfile | None, after: Lockfile, direct: frozenset[str]) -> LockDiff:
    """Compare two lockfiles; ``direct`` are the names that the spec asks for."""
    platforms: dict[str, PlatformChanges] = {}
    for platform in sorted({*after.platforms, *(before.platforms if before else ())}):
        old = {package.name: package for package in before.on(platform)} if before else {}
        new = {package.name: package for package in after.on(platform)}
        changes = tuple(
            PackageChange(
                name=name, before=old.get(name), after=new.get(name), direct=name in direct
            )
            for name in sorted(old.keys() | new.keys())
            if name not in old or name not in new or old[name].identity != new[name].identity
        )
        if changes:
            platforms[platform] = changes
    return LockDiff(platforms=platforms)


def diff_words(diff: LockDiff) -> list[str]:
    """Say a diff in lines: direct changes first, platforms with the same changes together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for platform, changes in diff.platforms.items():
        lines = [change.words for change in sorted(changes, key=lambda c: (not c.direct, c.name))]
        groups.setdefault(tuple(lines), []).append(platform)
    words: list[str] = []
    for said, platforms in groups.items():
        words += [f"{', '.join(platforms)}:", *(f"  {line}" for line in said)]
    return words


def summary_words(diff: LockDiff) -> str:
    """Say a diff in a phrase: how many packages were added, removed and changed."""
    names: dict[str, set[str]] = {"added": set(), "removed": set(), "changed": set()}
    for changes in diff.platforms.values():
        for change in changes:
            names[change.kind].add(change.name)
    parts = [f"{len(found)} {kind}" for kind, found in names.items() if found]
    return ", ".join(parts) or "nothing moved"
