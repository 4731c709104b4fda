"""``pixi.lock``, versions 4 to 7, read without pixi (rattler_lock's documentation has the format).

Packages of the conda half and wheels become packages of ours. What a lockfile of ours cannot hold
is refused by name: source packages of pixi, folders, and files without a hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from gitstore.errors import SpecError
from gitstore.formats.checked import checked_package
from gitstore.model.lockfile import LockedPackage, Lockfile, constraints_of, sorted_packages
from gitstore.model.lockread import LockReadError, load_texts

VERSIONS = ("4", "5", "6", "7")
DEFAULT_ENVIRONMENT = "default"


def read_pixi_lock(
    data: bytes, *, where: str, environment: str = DEFAULT_ENVIRONMENT, strict: bool = True
) -> Lockfile:
    """Read one environment of a ``pixi.lock``.

    Without ``strict`` what cannot be locked is left out instead of refused.

    Raises:
        SpecError: it is no such file, lacks the environment, or holds what cannot be locked.
    """
    try:
        return _read(data, environment, strict=strict)
    except LockReadError as exc:
        raise SpecError(
            f"the pixi.lock cannot be read: {exc}", where=where, code="lock-invalid"
        ) from exc


def pixi_environments(data: bytes) -> tuple[str, ...]:
    """Return the names of the environments that a ``pixi.lock`` holds."""
    return tuple(sorted(_mapping(_mapping(load_texts(data), "the file").get("environments"), "x")))


def _read(data: bytes, environment: str, *, strict: bool) -> Lockfile:
    root = _mapping(load_texts(data), "the file")
    version = str(root.get("version"))
    if version not in VERSIONS:
        raise LockReadError(f"version {version[:20]} is not one of {', '.join(VERSIONS)}")
    environments = _mapping(root.get("environments"), "`environments`")
    if environment not in environments:
        known = ", ".join(sorted(environments))
        raise LockReadError(f"there is no environment `{environment}`, only {known}")
    chosen = _mapping(environments[environment], f"environment `{environment}`")
    facts = _index(root.get("packages"))
    channels = [_mapping(each, "a channel").get("url", "") for each in chosen.get("channels", [])]
    platforms = _mapping(chosen.get("packages"), "`packages`")
    packages = [
        package
        for platform, entries in platforms.items()
        for entry in entries
        if (package := _package(_mapping(entry, "a package"), platform, facts, strict=strict))
    ]
    return Lockfile(
        channels=tuple(str(url).rstrip("/") for url in channels),
        platforms=tuple(sorted(platforms)),
        source="pixi.lock",
        packages=sorted_packages(packages),
    )


def _index(entries: Any) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Index the facts of packages by (manager, URL); versions 4 and 5 have a ``kind`` instead."""
    if not isinstance(entries, list):
        raise LockReadError("`packages` must be a list")
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for entry in entries:
        facts = _mapping(entry, "a package")
        kind = facts.get("kind")
        if kind is not None:
            found[kind, str(facts.get("url") or facts.get("path"))] = facts
        else:
            for manager in ("conda", "pypi"):
                if manager in facts:
                    found[manager, str(facts[manager])] = facts
    return found


def _package(
    entry: Mapping[str, Any],
    platform: str,
    facts: Mapping[tuple[str, str], Mapping[str, Any]],
    *,
    strict: bool,
) -> LockedPackage | None:
    for manager in ("conda", "pypi"):
        url = entry.get(manager)
        if url is None:
            continue
        known = facts.get((manager, url))
        if known is None:
            raise LockReadError(f"`{str(url)[:100]}` stands in no list of packages")
        if "://" not in url or not (known.get("sha256") or known.get("md5")):
            if not strict:
                return None
            raise LockReadError(f"`{str(url)[:100]}` has no hash, and cannot be locked")
        fields = _conda(url, known) if manager == "conda" else _pypi(url, known)
        return checked_package({**fields, "platform": platform})
    if strict:
        kind = next(iter(entry), "nothing")
        raise LockReadError(f"`{kind}` packages are built from a folder, and cannot be locked")
    return None


def _conda(url: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    stem = unquote(url.rpartition("/")[2]).removesuffix(".conda").removesuffix(".tar.bz2")
    name, version, _ = (*stem.rsplit("-", 2), "", "")[:3]
    return {
        "manager": "conda",
        "name": str(facts.get("name") or name),
        "version": str(facts.get("version") or version),
        "url": url,
        "sha256": facts.get("sha256", ""),
        "md5": facts.get("md5", ""),
        "depends": constraints_of(tuple(_texts(facts.get("depends")))),
    }


def _pypi(url: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "manager": "pip",
        "name": canonicalize_name(str(facts.get("name", ""))),
        "version": str(facts.get("version", "0")),
        "url": url.removeprefix("direct+"),
        "sha256": facts.get("sha256", ""),
        "md5": "",
        "depends": dict(_requirements(_texts(facts.get("requires_dist")))),
    }


def _requirements(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Read requirements that count without an extra; a marker is left to whoever resolved them."""
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if "extra" not in str(requirement.marker or ""):
            yield canonicalize_name(requirement.name), str(requirement.specifier)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise LockReadError(f"{what} must be a mapping")


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
