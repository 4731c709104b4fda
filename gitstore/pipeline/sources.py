"""Where specs come from: a revision of a repository, or a folder that was not committed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gitstore.errors import GitstoreError
from gitstore.model.environment import TreeEntry
from gitstore.pipeline.ports import Repository

_SKIP_FOLDERS = frozenset({".git", ".venv", "node_modules", "__pycache__", ".pixi"})


class RevisionTree:
    """The files of one commit."""

    def __init__(self, repository: Repository, revision: str) -> None:
        self.revision: str | None = revision
        self._commit = revision
        self._repository = repository

    def entries(self, prefix: str) -> Iterator[TreeEntry]:
        return self._repository.entries(self._commit, prefix)

    def folder_id(self, prefix: str) -> str | None:
        return self._repository.folder_id(self._commit, prefix)

    def entry(self, path: str) -> TreeEntry | None:
        return self._repository.entry(self._commit, path)

    def size(self, entry: TreeEntry) -> int:
        return self._repository.size(entry.oid)

    def read(self, entry: TreeEntry) -> bytes:
        return self._repository.read(entry.oid)


class FolderTree:
    """The files of a folder on disk, with the blob ids that git would give them."""

    revision: str | None = None

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def entries(self, prefix: str) -> Iterator[TreeEntry]:
        start = self._root / prefix
        if not start.is_dir() or not self._is_inside(start):
            return
        for folder, names, files in os.walk(start):
            names[:] = sorted(name for name in names if name not in _SKIP_FOLDERS)
            for name in sorted(files):
                yield self._entry(Path(folder) / name)

    def folder_id(self, prefix: str) -> str | None:  # noqa: ARG002  a folder has no tree id
        return None

    def entry(self, path: str) -> TreeEntry | None:
        file = self._root / path
        if not self._is_inside(file.parent) or not (file.is_symlink() or file.exists()):
            return None
        return self._entry(file)

    def _is_inside(self, folder: Path) -> bool:
        """Say whether a folder lies in the tree when its links are followed."""
        return folder.resolve().is_relative_to(self._root)

    def size(self, entry: TreeEntry) -> int:
        return (self._root / entry.path).lstat().st_size

    def read(self, entry: TreeEntry) -> bytes:
        file = self._root / entry.path
        try:
            if entry.kind == "link":
                return os.fsencode(file.readlink())
            return file.read_bytes()
        except OSError as exc:
            raise GitstoreError(f"the file cannot be read: {exc}", where=str(file)) from exc

    def _entry(self, file: Path) -> TreeEntry:
        path = file.relative_to(self._root).as_posix()
        mode = file.lstat().st_mode
        if stat.S_ISLNK(mode):
            return TreeEntry(path=path, oid="", kind="link")
        if not stat.S_ISREG(mode):
            return TreeEntry(path=path, oid="", kind="other")
        return TreeEntry(path=path, oid=f"stat:{file.stat().st_size}:{file.stat().st_mtime_ns}")


def blob_id(data: bytes) -> str:
    """Return the id that git gives a blob (SHA-1 over a header and the bytes)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
