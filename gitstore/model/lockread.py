"""Read a lockfile of conda-lock's format 1 (CEP-37), whoever wrote it.

A lockfile comes from a branch that others can push to, so nothing in it is believed before it has
been looked at: every scalar is taken as text, as it was written, and checked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gitstore.errors import SpecError
from gitstore.model.channels import redact
from gitstore.model.lockfile import LockedPackage, Lockfile, LockMetadata, sorted_packages

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 12
MANAGERS = ("conda", "pip")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\[\],-]*")
_VERSION = re.compile(r"[A-Za-z0-9_.!+*-]+")
_PLATFORM = re.compile(r"[a-z0-9-]{1,40}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f\x7f]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Of a package out of a git repository conda-lock writes the commit there.
_SHA256_PIP = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_EMPTY = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "false": False}
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class LockReadError(ValueError):
    """What is wrong, in words, beginning with the place."""


def parse_lockfile(data: bytes, *, where: str) -> Lockfile:
    """Read a conda-lock v1 file, ours or another tool's.

    Raises:
        SpecError: the bytes are no such file; the message says what is wrong and where.
    """
    try:
        return _lockfile_of(load_texts(data))
    except LockReadError as exc:
        raise SpecError(
            f"the lockfile cannot be read: {exc}",
            where=where,
            code="lock-invalid",
            hint="restore the one that was there before, or delete it to have it made anew",
        ) from exc


def load_texts(data: bytes) -> Any:
    """Read YAML into mappings, lists and texts, bounded and without aliases.

    Raises:
        LockReadError: it is no YAML, or not plain.
    """
    if len(data) > MAX_BYTES:
        raise LockReadError(f"it has {len(data):,} bytes, and at most {MAX_BYTES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise LockReadError(f"line {line}: the byte 0x{data[exc.start]:02x} is not UTF-8") from exc
    try:
        return _build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise LockReadError(
            f"line {line}: {exc.problem or exc.context or 'not valid YAML'}"
        ) from exc
    except yaml.YAMLError as exc:
        line = text.count("\n", 0, getattr(exc, "position", 0)) + 1
        raise LockReadError(f"line {line}: a character that YAML forbids") from exc


def _build(events: Iterator[Any]) -> Any:
    """Build mappings, lists and texts with a stack of our own: the C composer's can be exhausted.

    A key that stands twice is an error, since readers disagree on it; an anchor has no place here.
    """
    root: Any = None
    stack: list[Any] = []
    keys: list[str | None] = []
    for event in events:
        kind = type(event)
        if kind is yaml.AliasEvent:
            raise LockReadError(f"line {_line(event)}: an alias has no place in a lockfile")
        if kind in _STARTS:
            if len(stack) == MAX_DEPTH:
                raise LockReadError(f"line {_line(event)}: nested deeper than {MAX_DEPTH} levels")
            stack.append({} if kind is yaml.MappingStartEvent else [])
            keys.append(None)
            continue
        if kind in _ENDS:
            value = stack.pop()
            keys.pop()
        elif kind is yaml.ScalarEvent:
            value = event.value
        else:
            continue
        if not stack:
            root = value
        elif type(stack[-1]) is list:
            stack[-1].append(value)
        elif (key := keys[-1]) is not None:
            stack[-1][key] = value
            keys[-1] = None
        else:
            keys[-1] = _key(value, stack[-1], event)
    return root


def _key(value: Any, mapping: Mapping[str, Any], event: Any) -> str:
    if not isinstance(value, str):
        raise LockReadError(f"line {_line(event)}: a key must be plain text")
    if value in mapping:
        raise LockReadError(f"line {_line(event)}: `{_shown(value)}` stands twice")
    return value


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _lockfile_of(value: Any) -> Lockfile:
    root = _mapping(value, "the file")
    version = _text(root, "version", "the file")
    if version != "1":
        raise LockReadError(f"`version` is `{_shown(version)}`, and format 1 is read")
    metadata = _mapping(root.get("metadata"), "`metadata`")
    platforms = [_plain(each, "`metadata.platforms`") for each in _items(metadata, "platforms")]
    if wrong := [each for each in platforms if not _PLATFORM.fullmatch(each)]:
        raise LockReadError(f"`metadata.platforms`: `{_shown(wrong[0])}` is no platform")
    sources = [_plain(each, "`metadata.sources`") for each in _items(metadata, "sources")]
    packages = list(_packages(_items(root, "package"), frozenset(platforms)))
    return Lockfile(
        channels=tuple(_channel(each) for each in _items(metadata, "channels")),
        platforms=tuple(sorted(platforms)),
        source=sources[0] if sources else "environment.yml",
        packages=sorted_packages(packages),
        metadata=_metadata_of(metadata.get("custom_metadata")),
    )


def _packages(entries: list[Any], platforms: frozenset[str]) -> Iterator[LockedPackage]:
    seen: dict[tuple[str, str, str], list[LockedPackage]] = {}
    for number, entry in enumerate(entries, start=1):
        package = package_of(entry, f"package {number}")
        what = f"package {number} (`{package.name}`)"
        if package.platform not in platforms:
            raise LockReadError(
                f"{what}: `{package.platform}` is not among the platforms of the lockfile"
            )
        # conda-lock repeats a package under each category that wants it, always the same file.
        others = seen.setdefault((package.manager, package.name, package.platform), [])
        for other in others:
            if other.identity != package.identity or other.category == package.category:
                raise LockReadError(f"{what} stands twice for {package.platform}")
        others.append(package)
        yield package


def package_of(entry: Any, what: str) -> LockedPackage:
    """Check one entry of ``package:``, whose scalars are text; ``what`` begins every error.

    Raises:
        LockReadError: it is no such entry.
    """
    fields = _mapping(entry, what)
    name = _matching(_NAME, _text(fields, "name", what), f"{what}: `name`")
    what = f"{what} (`{name}`)"
    hashes = _mapping(fields.get("hash"), f"{what}: `hash`")
    sha256, md5 = (_plain(hashes.get(each, ""), f"{what}: `hash`") for each in ("sha256", "md5"))
    if not sha256 and not md5:
        raise LockReadError(f"{what} has no hash")
    manager = _text(fields, "manager", what)
    if manager not in MANAGERS:
        raise LockReadError(f"{what}: the manager `{_shown(manager)}` is neither conda nor pip")
    optional = _plain(fields.get("optional", "false"), f"{what}: `optional`").lower()
    if optional not in _BOOLEANS:
        raise LockReadError(f"{what}: `optional` is neither true nor false")
    pattern = _SHA256 if manager == "conda" else _SHA256_PIP
    return LockedPackage(
        name=name,
        version=_matching(_VERSION, _text(fields, "version", what), f"{what}: `version`"),
        manager=manager,
        platform=_text(fields, "platform", what),
        url=_matching(_URL, _text(fields, "url", what), f"{what}: `url`"),
        sha256=_matching(pattern, sha256, f"{what}: `hash.sha256`") if sha256 else "",
        md5=_matching(_MD5, md5, f"{what}: `hash.md5`") if md5 else "",
        depends=_texts(fields.get("dependencies"), f"{what}: `dependencies`"),
        category=_plain(fields.get("category", "main"), f"{what}: `category`"),
        optional=_BOOLEANS[optional],
    )


def _channel(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    return _text(_mapping(entry, "`metadata.channels`"), "url", "`metadata.channels`")


def _metadata_of(value: Any) -> LockMetadata:
    custom = _texts(value, "`metadata.custom_metadata`")
    return LockMetadata(
        input=custom.get("gitstore.input") or None,
        variables=_texts(_json(custom, "gitstore.variables"), "`gitstore.variables`"),
        virtual_packages={
            platform: _texts(packages, "`gitstore.virtual-packages`")
            for platform, packages in _mapping(
                _json(custom, "gitstore.virtual-packages"), "`gitstore.virtual-packages`"
            ).items()
        },
        exclude_newer=custom.get("gitstore.exclude-newer") or None,
        dropped=_texts(_json(custom, "gitstore.dropped"), "`gitstore.dropped`"),
    )


def _json(custom: Mapping[str, str], key: str) -> Any:
    try:
        return json.loads(custom.get(key) or "{}")
    except (ValueError, RecursionError) as exc:
        raise LockReadError(f"`{key}` is not JSON") from exc


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise LockReadError(f"{what} must be a mapping")


def _items(mapping: Mapping[str, Any], key: str) -> list[Any]:
    value = mapping.get(key)
    if isinstance(value, list):
        return value
    raise LockReadError(f"`{key}` must be a list" if key in mapping else f"`{key}` is missing")


def _plain(value: Any, what: str) -> str:
    if isinstance(value, str):
        return "" if value in _EMPTY else value
    raise LockReadError(f"{what} must hold plain text")


def _text(mapping: Mapping[str, Any], key: str, what: str) -> str:
    value = mapping.get(key)
    if isinstance(value, str) and value:
        return value
    raise LockReadError(
        f"{what}: `{key}` must be text" if key in mapping else f"{what} has no `{key}`"
    )


def _texts(value: Any, what: str) -> dict[str, str]:
    """Read a map of text to text; constraints are kept as they were written."""
    if value is None or (isinstance(value, str) and value in _EMPTY):
        return {}
    mapping = _mapping(value, what)
    if all(isinstance(each, str) for each in mapping.values()):
        return mapping
    raise LockReadError(f"{what} must hold plain text")


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text):
        return text
    raise LockReadError(f"{what} cannot be `{_shown(text)}`")


def _shown(text: str) -> str:
    """Make a stranger's text fit for one line of an error."""
    return redact(ascii(text[:80])[1:-1])
