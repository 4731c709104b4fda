"""The canonical lockfile: conda-lock v1 (CEP-37), one for all platforms, same input same bytes.

``lockread`` reads them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitstore.model.identity import content_digest

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./:+-]*")
# Plain scalars that YAML 1.1 would read as something else than text.
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"])
FORMAT = "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    """One package on one platform. ``depends`` maps names to constraints, as the format wants."""

    name: str
    version: str
    platform: str
    url: str
    sha256: str
    md5: str
    manager: str = "conda"
    depends: Mapping[str, str] = field(default_factory=dict)
    category: str = "main"
    optional: bool = False

    @property
    def build(self) -> str:
        """The build string, which stands only in a conda package's file name."""
        stem = self.file_name
        for suffix in (".conda", ".tar.bz2"):
            stem = stem.removesuffix(suffix)
        return stem.rpartition("-")[2] if stem.count("-") >= 2 else ""

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def identity(self) -> tuple[str, str, str]:
        return (self.manager, self.url, self.sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockMetadata:
    """What the ``gitstore.*`` entries of ``custom_metadata`` say; empty in a foreign lockfile."""

    input: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    virtual_packages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    exclude_newer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockfile:
    """A lockfile. Packages are sorted by manager, name and platform, so that diffs are small."""

    channels: tuple[str, ...]
    platforms: tuple[str, ...]
    source: str
    packages: tuple[LockedPackage, ...]
    metadata: LockMetadata = field(default_factory=LockMetadata)

    def on(self, platform: str) -> tuple[LockedPackage, ...]:
        """Return the packages of one platform."""
        return tuple(package for package in self.packages if package.platform == platform)

    def content(self) -> dict[str, str]:
        """Return the content digest of each platform."""
        return {
            platform: content_digest(
                (package.identity for package in self.on(platform)), self.metadata.variables
            )
            for platform in self.platforms
        }


def sorted_packages(packages: list[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Return packages in the order of a lockfile."""
    return tuple(sorted(packages, key=lambda p: (p.manager, p.name, p.platform, p.url)))


def constraints_of(depends: tuple[str, ...]) -> dict[str, str]:
    """Turn MatchSpec strings into the format's map of names to constraints.

    A name that stands twice gets both constraints where that can be said (versions only).
    """
    result: dict[str, str] = {}
    for text in depends:
        name, _, constraint = text.partition(" ")
        constraint = constraint.strip()
        if result.get(name) and constraint and " " not in result[name] + constraint:
            constraint = f"{result[name]},{constraint}"
        if constraint or name not in result:
            result[name] = constraint
    return result


def render_lockfile(lock: Lockfile) -> bytes:
    """Write a lockfile. Equal values give equal bytes, on any machine and with any library."""
    content = lock.content()
    lines = ["version: 1", "metadata:", "  content_hash:"]
    lines += [f"    {p}: {content[p].removeprefix('sha256:')}" for p in lock.platforms]
    if not lock.platforms:
        lines[-1] += " {}"
    lines += ["  channels:"] if lock.channels else ["  channels: []"]
    for channel in lock.channels:
        lines += [f"  - url: {_scalar(channel)}", "    used_env_vars: []"]
    lines += ["  platforms:"] if lock.platforms else ["  platforms: []"]
    lines += [f"  - {platform}" for platform in lock.platforms]
    lines += ["  sources:", f"  - {_scalar(lock.source)}"]
    lines += ["  custom_metadata:"]
    lines += [f"    {key}: {_scalar(value)}" for key, value in _custom_metadata(lock.metadata)]
    lines += ["package:"] if lock.packages else ["package: []"]
    for package in lock.packages:
        lines += _package_lines(package)
    return ("\n".join(lines) + "\n").encode()


def _custom_metadata(metadata: LockMetadata) -> list[tuple[str, str]]:
    def compact(value: Any) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    return [
        ("gitstore.format", FORMAT),
        ("gitstore.input", metadata.input or ""),
        ("gitstore.variables", compact(dict(metadata.variables))),
        (
            "gitstore.virtual-packages",
            compact({k: dict(v) for k, v in metadata.virtual_packages.items()}),
        ),
        ("gitstore.dropped", compact(dict(metadata.dropped))),
        # Only where there is one, so that other lockfiles stay as they are.
        *([("gitstore.exclude-newer", metadata.exclude_newer)] if metadata.exclude_newer else []),
    ]


def _package_lines(package: LockedPackage) -> list[str]:
    lines = [
        f"- name: {_scalar(package.name)}",
        f"  version: {_scalar(package.version)}",
        f"  manager: {package.manager}",
        f"  platform: {package.platform}",
    ]
    depends = sorted(package.depends.items())
    lines += ["  dependencies:"] if depends else ["  dependencies: {}"]
    lines += [f"    {_scalar(name)}: {_scalar(constraint)}" for name, constraint in depends]
    return [
        *lines,
        f"  url: {_scalar(package.url)}",
        "  hash:",
        *([f"    md5: {_scalar(package.md5)}"] if package.md5 else []),
        f"    sha256: {_scalar(package.sha256)}",
        f"  category: {_scalar(package.category)}",
        f"  optional: {'true' if package.optional else 'false'}",
    ]


def _scalar(text: str) -> str:
    """Write text plain where no reader of YAML 1.1 or 1.2 can take it for something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith(":"):
        return text
    if re.fullmatch(r"[\x20-\x7e\u00a0-\ud7ff]*", text) and "'" not in text:
        return f"'{text}'"
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    """Escape a character for a double-quoted scalar (YAML 1.2, section 5.7)."""
    number = ord(char)
    if char in '"\\':
        return f"\\{char}"
    if 0x20 <= number < 0x7F:
        return char
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
