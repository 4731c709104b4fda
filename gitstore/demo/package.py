"""A conda package as a value, and how it becomes a `.conda` file in an indexed channel."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import posixpath
import shutil
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import zstandard
from rattler.index import index_fs

# As long as conda-build's own, so that every target prefix up to 255 bytes fits into a binary.
PLACEHOLDER = "/opt/gitstore-demo".ljust(255, "_")
# 1 September 2025. Fixed: the same input has to give the same bytes on every day.
TIMESTAMP = 1_756_684_800_000


@dataclass(frozen=True, slots=True)
class Symlink:
    """A link inside a package; ``target`` is relative to the link's own folder."""

    target: str


FileContent: TypeAlias = bytes | Path | Symlink
PrefixMode: TypeAlias = Literal["text", "binary"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """Everything that goes into one package; paths are relative to the prefix."""

    name: str
    version: str
    build: str = "0"
    subdir: str = "noarch"
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: Literal["generic", "python"] | None = None
    license: str = ""
    summary: str = ""
    track_features: str = ""
    timestamp: int = TIMESTAMP
    purls: tuple[str, ...] = ()
    files: Mapping[str, FileContent] = field(default_factory=dict)
    executable: frozenset[str] = frozenset()
    prefix_files: Mapping[str, PrefixMode] = field(default_factory=dict)
    entry_points: tuple[str, ...] = ()
    extra_index: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"


def build_string(*sources: FileContent, before: str = "") -> str:
    """A build string that differs when what the package was made from does."""
    digest = hashlib.sha256()
    for source in sources:
        data = source.target.encode() if isinstance(source, Symlink) else _read(source)
        digest.update(hashlib.sha256(data).digest())
    return f"{before}h{digest.hexdigest()[:7]}_0"


def write_package(package: CondaPackage, channel: Path, *, level: int = 3) -> Path:
    """Write the package into its folder of the channel; the same package gives the same bytes."""
    members = [_Member.of(path, package) for path in sorted(package.files)]
    info = {f"info/{name}": data for name, data in _info_files(package, members)}
    info_members = [_Member(path=path, data=info[path]) for path in sorted(info)]
    target = channel / package.subdir / f"{package.stem}.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    moment = package.timestamp // 1000
    parts = {
        "metadata.json": b'{"conda_pkg_format_version": 2}',
        f"pkg-{package.stem}.tar.zst": _compressed_tar(members, moment, level),
        f"info-{package.stem}.tar.zst": _compressed_tar(info_members, moment, level),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, time.gmtime(moment)[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target


def index_channel(channel: Path) -> None:
    """Write the channel's repodata: plain, compressed and sharded."""
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=True, force=True))
    shutil.rmtree(channel / ".tmp", ignore_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    """One file of an archive, read once: the archive and the digests see the same bytes."""

    path: str
    data: bytes
    link: str | None = None
    mode: int = 0o644

    @classmethod
    def of(cls, path: str, package: CondaPackage) -> _Member:
        content = package.files[path]
        if isinstance(content, Symlink):
            # conda records the digest of what a link leads to, not of the link.
            data = _read(_follow(path, package.files))
            return cls(path=path, data=data, link=content.target, mode=0o777)
        mode = 0o755 if path in package.executable else 0o644
        return cls(path=path, data=_read(content), mode=mode)

    def paths_entry(self, prefix_mode: PrefixMode | None) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "_path": self.path,
            "path_type": "hardlink" if self.link is None else "softlink",
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "size_in_bytes": len(self.data),
        }
        if prefix_mode is not None:
            entry |= {"file_mode": prefix_mode, "prefix_placeholder": PLACEHOLDER}
        return entry


def _follow(path: str, files: Mapping[str, FileContent]) -> bytes | Path:
    content: FileContent | None = files[path]
    while isinstance(content, Symlink):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), content.target))
        content = files.get(path)
    return b"" if content is None else content


def _read(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _info_files(package: CondaPackage, members: list[_Member]) -> Iterator[tuple[str, bytes]]:
    about = {"license": package.license, "summary": package.summary}
    paths = [member.paths_entry(package.prefix_files.get(member.path)) for member in members]
    yield "index.json", _json(_index(package))
    yield "about.json", _json({key: value for key, value in about.items() if value})
    yield "paths.json", _json({"paths": paths, "paths_version": 1})
    yield "files", "".join(f"{member.path}\n" for member in members).encode()
    if package.prefix_files:
        yield "has_prefix", _has_prefix(package.prefix_files)
    if package.noarch == "python":
        noarch = {"type": "python", "entry_points": package.entry_points}
        yield "link.json", _json({"noarch": noarch, "package_metadata_version": 1})


def _index(package: CondaPackage) -> dict[str, Any]:
    index: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.build_number,
        "subdir": package.subdir,
        "depends": package.depends,
        "constrains": package.constrains,
        "timestamp": package.timestamp,
    }
    generic = "generic" if package.subdir == "noarch" else None
    optional = {
        "license": package.license,
        "noarch": package.noarch or generic,
        "purls": package.purls,
        "track_features": package.track_features,
    }
    if package.subdir != "noarch":
        system, machine = package.subdir.split("-", 1)
        optional |= {"platform": system, "arch": "x86_64" if machine == "64" else machine}
    return {
        **index,
        **{key: value for key, value in optional.items() if value},
        **package.extra_index,
    }


def _has_prefix(prefix_files: Mapping[str, PrefixMode]) -> bytes:
    lines = (f'"{PLACEHOLDER}" {mode} "{path}"\n' for path, mode in sorted(prefix_files.items()))
    return "".join(lines).encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()


def _compressed_tar(members: Iterable[_Member], moment: int, level: int) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            entry = tarfile.TarInfo(member.path)
            entry.mtime, entry.mode = moment, member.mode
            entry.uname = entry.gname = "root"
            if member.link is None:
                entry.size = len(member.data)
                tar.addfile(entry, io.BytesIO(member.data))
            else:
                entry.type, entry.linkname = tarfile.SYMTYPE, member.link
                tar.addfile(entry)
    # One thread: what several threads write depends on how many there are.
    return zstandard.ZstdCompressor(level=level).compress(plain.getbuffer())
