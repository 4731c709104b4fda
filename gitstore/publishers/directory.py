"""A target that is a folder: ``blobs/sha256/ab/ab12…``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gitstore.errors import DiskError, PublishError
from gitstore.files import adopt_file, disk_error, file_digest


class DirectoryPublisher:
    """Puts artifacts into a folder, each under its digest."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def put(self, path: Path, digest: str) -> str:
        """Store a copy of ``path``; a hard link where the file system allows it.

        Raises:
            PublishError: the bytes have another digest, or the folder cannot be written.
        """
        target = self._path(digest)
        if target.is_file():
            return self.key(digest)
        found = file_digest(path)
        if found != digest:
            raise PublishError(f"the artifact has digest {found}, not {digest}", where=str(path))
        aside = path.with_name(f"{path.name}.{self.name}")
        try:
            aside.unlink(missing_ok=True)
            try:
                os.link(path, aside)
            except OSError:
                shutil.copyfile(path, aside)
            adopt_file(aside, target)
        except OSError as exc:
            said = disk_error(exc, target)
            raise PublishError(
                said.message, where=said.where, hint=said.hint, code=said.code
            ) from exc
        except DiskError as exc:
            raise PublishError(exc.message, where=exc.where, hint=exc.hint, code=exc.code) from exc
        return self.key(digest)

    def get(self, digest: str, destination: Path) -> None:
        """Copy the bytes to ``destination``.

        Raises:
            PublishError: they are not there, or cannot be copied.
        """
        try:
            shutil.copyfile(self._path(digest), destination)
        except OSError as exc:
            raise PublishError(f"{digest} cannot be read: {exc}", where=str(self._root)) from exc

    def key(self, digest: str) -> str:
        """Return where a digest lies, relative to the target."""
        kind, _, text = digest.partition(":")
        return f"blobs/{kind}/{text[:2]}/{text}"

    def _path(self, digest: str) -> Path:
        return self._root / self.key(digest)
