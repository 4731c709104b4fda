"""Pack a prefix in conda-pack's layout: one ``tar.zst``, the same bytes from the same content."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from gitstore.builders.prefix import StagedPrefix
from gitstore.errors import BuildError, TransientBuildError
from gitstore.files import disk_error

MEDIA_TYPE = "application/vnd.gitstore.archive.v1.tar+zstd"
LEVEL = 3
# zstd's output depends on whether it has helper threads, and not on how many.
_THREADS = 2
# Zip files, which some build tools make from installed files, begin in 1980.
MTIME = 315_532_800
_CHUNK = 1 << 20
_BLOCK = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedFile:
    """A finished archive. Digests are ``sha256:<hex>``; ``uncompressed`` is the tar's."""

    path: Path
    digest: str
    uncompressed: str
    size: int
    tar_size: int


def pack_prefix(staged: StagedPrefix, destination: Path) -> PackedFile:
    """Write the archive: names sorted, owner root, fixed time, modes 0755 and 0644.

    Raises:
        TransientBuildError: the disk is full.
        BuildError: a file of the prefix cannot be packed.
    """
    sources = {file.path: file.source for file in staged.prefixed if file.mode == "binary"}
    try:
        with destination.open("wb") as stream:
            sink = _Sink(stream)
            for path, entry in _walk(staged.root):
                _pack_one(sink, path, entry, sources.get(path))
            return sink.finish(destination)
    except OSError as exc:
        error = disk_error(exc, destination)
        raise TransientBuildError(
            error.message, where=error.where, hint=error.hint, code=error.code
        ) from exc


class _Sink:
    """Compresses and digests a tar as it grows."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        compressor = zstandard.ZstdCompressor(level=LEVEL, threads=_THREADS, write_checksum=True)
        self._compress: Any = compressor.compressobj()
        self._buffer = bytearray()
        self._plain = hashlib.sha256()
        self._packed = hashlib.sha256()
        self._tar_size = 0
        self._size = 0

    def header(self, info: tarfile.TarInfo) -> None:
        self._buffer += info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def body(self, source: Path, size: int) -> None:
        """Copy a file's bytes; ``size`` was promised in its header."""
        written = 0
        with source.open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                self._buffer += chunk
                if len(self._buffer) >= _CHUNK:
                    self._flush()
        if written != size:
            raise BuildError(f"`{source.name}` changed while it was packed")
        self._buffer += bytes(-size % _BLOCK)

    def finish(self, path: Path) -> PackedFile:
        self._buffer += bytes(2 * _BLOCK)
        self._buffer += bytes(-(self._tar_size + len(self._buffer)) % tarfile.RECORDSIZE)
        self._flush()
        self._write(self._compress.flush())
        return PackedFile(
            path=path,
            digest=f"sha256:{self._packed.hexdigest()}",
            uncompressed=f"sha256:{self._plain.hexdigest()}",
            size=self._size,
            tar_size=self._tar_size,
        )

    def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        self._plain.update(data)
        self._tar_size += len(data)
        self._write(self._compress.compress(data))

    def _write(self, data: bytes) -> None:
        self._packed.update(data)
        self._size += len(data)
        self._stream.write(data)


def _walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield files, links and empty folders by path, each folder's names sorted."""
    stack = [("", str(root))]
    while stack:
        prefix, folder = stack.pop()
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        below = []
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append((f"{path}/", entry.path))
                with os.scandir(entry.path) as inside:
                    if next(inside, None) is None:
                        yield path, entry
            else:
                yield path, entry
        stack += reversed(below)


def _pack_one(sink: _Sink, path: str, entry: os.DirEntry[str], source: Path | None) -> None:
    info = tarfile.TarInfo(path)
    info.mtime, info.uname, info.gname = MTIME, "root", "root"
    status = entry.stat(follow_symlinks=False)
    if entry.is_symlink():
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, _link_target(entry, path)
        sink.header(info)
    elif entry.is_dir(follow_symlinks=False):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        sink.header(info)
    elif entry.is_file(follow_symlinks=False):
        info.mode = 0o755 if status.st_mode & 0o100 else 0o644
        file = source or Path(entry.path)
        info.size = file.stat().st_size if source else status.st_size
        sink.header(info)
        sink.body(file, info.size)
    else:
        raise BuildError(f"`{path}` is neither file, folder nor link")


def _link_target(entry: os.DirEntry[str], path: str) -> str:
    """Return a link's target, which must stay inside the environment."""
    target = os.readlink(entry.path)
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if os.path.isabs(target) or inside.startswith(".."):
        raise BuildError(
            f"the link `{path}` leaves the environment (to `{target}`)", code="package-corrupt"
        )
    return target


def unpack_into(archive: Path, destination: Path) -> None:
    """Unpack an archive of ours into a folder that is there, as ``tar`` does."""
    with (
        archive.open("rb") as stream,
        zstandard.ZstdDecompressor().stream_reader(stream) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        # Python before 3.11.4 has no filters; what is unpacked here was packed here.
        more: dict[str, Any] = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
        tar.extractall(destination, **more)  # noqa: S202
