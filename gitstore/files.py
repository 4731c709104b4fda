"""The one place that writes files: aside, flushed to disk, renamed; and the locks on them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from gitstore.errors import DiskError, LockedError

_PART = ".gitstore-part"
_CHUNK = 1 << 20


def write_file(path: Path, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
    """Put ``data`` at ``path`` so that a reader sees the old bytes or the new, never a part.

    Data in parts is written as it comes, and need never be in memory whole. ``durable`` false
    leaves out the flush to disk, for what can be made again (the cache).

    Raises:
        DiskError: the disk is full, or the folder may not be written; ``path`` is as before.
    """
    aside = path.with_name(f"{path.name}{_PART}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as stream:
            stream.writelines((data,) if isinstance(data, bytes) else data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as exc:
        _forget(aside)
        raise disk_error(exc, path) from exc
    _sweep_parts(path)


def adopt_file(source: Path, path: Path) -> None:
    """Move a finished file to ``path`` in one step, flushed first.

    From another file system it is copied aside first.
    """
    aside = path.with_name(f"{path.name}{_PART}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _finish(source)
        try:
            source.rename(path)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            shutil.copyfile(source, aside)
            _finish(aside)
            aside.rename(path)
            source.unlink()
            _sweep_parts(path)
        _flush_folder(path.parent)
    except OSError as exc:
        _forget(aside)
        raise disk_error(exc, path) from exc


def _finish(file: Path) -> None:
    file.chmod(0o644)
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _sweep_parts(path: Path) -> None:
    """Remove what killed processes left beside ``path``."""
    for part in path.parent.glob(f"{glob.escape(path.name)}{_PART}-*"):
        number = part.name.rpartition("-")[2]
        if number.isdigit() and not _is_running(int(number)):
            _forget(part)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def file_digest(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def disk_error(exc: OSError, path: Path) -> DiskError:
    """Say in words why ``path`` could not be written."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskError(
            "the disk is full",
            where=str(path),
            hint="free some room and run the same command again; nothing is lost",
            code="disk-space",
        )
    return DiskError(f"the file cannot be written: {exc.strerror or exc}", where=str(path))


def remove_tree(path: Path) -> None:
    """Remove a folder of ours and everything in it, whatever modes its files have."""

    def retry(_: object, name: str, __: object) -> None:
        parent = Path(name).parent
        parent.chmod(0o700)
        with contextlib.suppress(OSError):
            Path(name).chmod(0o700)
        if Path(name).is_dir() and not Path(name).is_symlink():
            shutil.rmtree(name, ignore_errors=True)
        else:
            Path(name).unlink(missing_ok=True)

    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, onerror=retry)


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def file_lock(path: Path, holder: str, *, what: str) -> Iterator[None]:
    """Hold an exclusive lock, which the kernel gives back however this process ends.

    ``holder`` is written into the file, so that who waits can be told whom for.

    Raises:
        LockedError: another process holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as exc:
        raise disk_error(exc, path) from exc
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            other = os.pread(descriptor, 500, 0).decode("utf-8", "replace").strip()
            raise LockedError(
                f"{what} is being worked on by {other or 'another process'}",
                where=str(path),
                hint="wait for it, or stop it; a lock ends with its process",
            ) from exc
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def work_directory(root: Path, name: str) -> Iterator[Path]:
    """Give a scratch folder below ``root`` that is gone afterwards.

    A folder that a killed process left is swept by the next one: each is held by a lock that
    ends with its process.
    """
    sweep(root)
    folder = root / name
    with file_lock(root / f"{name}.lock", name, what="the work folder"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise disk_error(exc, folder) from exc
        try:
            yield folder
        finally:
            remove_tree(folder)
            _forget(root / f"{name}.lock")


def sweep(root: Path) -> None:
    """Remove the scratch folders below ``root`` whose process is gone."""
    if not root.is_dir():
        return
    for lock in sorted(root.glob("*.lock")):
        try:
            with file_lock(lock, "sweep", what="the work folder"):
                remove_tree(lock.with_suffix(""))
                _forget(lock)
        except LockedError:
            continue
    for folder in root.iterdir():
        if folder.suffix != ".lock" and not folder.with_name(f"{folder.name}.lock").exists():
            remove_tree(folder)
