"""Put a finished folder in the place of an old one, so that nobody ever meets half of one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from gitstore.errors import DiskError, UsageError
from gitstore.files import disk_error, work_directory, write_file

MARKER = ".gitstore-site"
_MARK = b'{"format": 1, "kind": "site"}\n'
# RENAME_EXCHANGE of renameat2(2), RENAME_SWAP of renamex_np(2).
_EXCHANGE = 2
_AT_FDCWD = -100
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def replace_site(folder: Path, fill: Callable[[Path], None], *, run_name: str) -> None:
    """Let ``fill`` write a site into a fresh folder, then put that in the place of ``folder``.

    The fresh one lies beside it. A process that is killed leaves the old site or the new one, and
    what it left lying about goes with the next build.

    Raises:
        UsageError: something is at ``folder`` that gitstore did not make.
        DiskError: it cannot be written.
    """
    folder = folder.resolve()
    check_site_folder(folder)
    beside = folder.with_name(f".{folder.name}.gitstore")
    try:
        with contextlib.ExitStack() as stack:
            try:
                work = stack.enter_context(work_directory(beside, run_name))
            except (DiskError, FileNotFoundError):
                # Another build that ended just now took the folder away; or there is a reason.
                work = stack.enter_context(work_directory(beside, run_name))
            fresh = work / "site"
            write_file(fresh / MARKER, _MARK, durable=False)
            fill(fresh)
            _put(fresh, folder, aside=work / "old")
    finally:
        # Another build may be at work in it; then it goes with that one.
        with contextlib.suppress(OSError):
            beside.rmdir()


def check_site_folder(folder: Path) -> None:
    """Refuse a place that holds something else than a site of gitstore.

    Raises:
        UsageError: it does.
    """
    if not folder.exists():
        return
    if Path.cwd().resolve().is_relative_to(folder):
        # It is put aside whole, and whoever stands in it would be left nowhere.
        raise UsageError(
            "the current folder cannot be replaced by the site",
            where=str(folder),
            hint="name another one, such as `site`",
        )
    if (folder / MARKER).is_file():
        return
    hint = f"name another folder, such as {folder / 'site'}"
    if not folder.is_dir():
        raise UsageError("there is a file where the site should go", where=str(folder), hint=hint)
    if any(folder.iterdir()):
        raise UsageError(
            "the folder was not made by `gitstore site build`, and would lose what is in it",
            where=str(folder),
            hint=hint,
        )


def _put(fresh: Path, folder: Path, *, aside: Path) -> None:
    try:
        try:
            fresh.rename(folder)  # where there is nothing, or an empty folder
        except OSError as exc:
            if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if not _exchange(fresh, folder):
                # Some network file systems cannot exchange: for a moment there is no site.
                folder.rename(aside)
                fresh.rename(folder)
    except OSError as exc:
        raise disk_error(exc, folder) from exc


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        code = libc.renamex_np(*paths, _EXCHANGE)
    elif hasattr(libc, "renameat2"):
        code = libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _EXCHANGE)
    else:
        return False
    number = ctypes.get_errno()
    if code == 0:
        return True
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))
