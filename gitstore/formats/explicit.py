"""``@EXPLICIT``: the package URLs of one platform, as ``conda list --explicit`` writes them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from gitstore.errors import SpecError
from gitstore.formats.checked import checked_package
from gitstore.model.lockfile import LockedPackage, Lockfile, sorted_packages
from gitstore.model.lockread import LockReadError

_MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*([a-z0-9-]+)")
_LINE = re.compile(
    r"(?P<url>\S+/(?P<file>[^/#\s]+(?:\.conda|\.tar\.bz2)))(?:#(?:(?P<md5>[0-9a-f]{32})|(?:sha256:)?(?P<sha256>[0-9a-f]{64})))?"
)


def read_explicit(data: bytes, *, where: str) -> Lockfile:
    """Read a list of URLs; each must have a hash, since nothing else could be trusted.

    Raises:
        SpecError: it is no such list, or a package has no hash.
    """
    try:
        return _read(data.decode("utf-8-sig").splitlines())
    except (LockReadError, UnicodeDecodeError) as exc:
        raise SpecError(
            f"the explicit list cannot be read: {exc}", where=where, code="lock-invalid"
        ) from exc


def _read(lines: list[str]) -> Lockfile:
    if _MARK not in (line.strip() for line in lines):
        raise LockReadError(f"there is no line `{_MARK}`")
    said = next((match[1] for line in lines if (match := _PLATFORM.match(line))), None)
    found: list[LockedPackage] = []
    folders = set()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#") or text == _MARK:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise LockReadError(f"line {number}: `{text[:80]}` is not the URL of a package")
        if not match["md5"] and not match["sha256"]:
            raise LockReadError(f"line {number}: `{match['file']}` has no hash behind a `#`")
        folders.add(match["url"].rsplit("/", 2)[1])
        found.append(_package(match, said or "noarch"))
    native = sorted(folders - {"noarch"})
    if said is None and len(native) != 1:
        raise LockReadError("it does not say which platform it is for: `# platform: linux-64`")
    platform = said or native[0]
    channels = dict.fromkeys(package.url.rsplit("/", 2)[0] for package in found)
    return Lockfile(
        channels=tuple(channels),
        platforms=(platform,),
        source="explicit.txt",
        packages=sorted_packages([_moved(package, platform) for package in found]),
    )


def _package(match: re.Match[str], platform: str) -> LockedPackage:
    stem = unquote(match["file"]).removesuffix(".conda").removesuffix(".tar.bz2")
    name, version, _ = (*stem.rsplit("-", 2), "", "")[:3]
    return checked_package(
        {
            "manager": "conda",
            "name": name,
            "version": version,
            "platform": platform,
            "url": match["url"],
            "sha256": match["sha256"] or "",
            "md5": match["md5"] or "",
            "depends": {},
        }
    )


def _moved(package: LockedPackage, platform: str) -> LockedPackage:
    return LockedPackage(
        name=package.name,
        version=package.version,
        platform=platform,
        url=package.url,
        sha256=package.sha256,
        md5=package.md5,
    )
