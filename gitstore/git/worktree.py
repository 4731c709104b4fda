"""Keep a checkout true when gitstore moves the branch that is checked out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygit2

from gitstore.files import write_file


def refresh_checkout(repo: Any, old: str | None, new: str) -> None:
    """Bring index and files from commit ``old`` to ``new`` without touching anybody's changes.

    A file that was clean gets its new content; one that somebody edited keeps the edit, which
    ``git status`` then shows as theirs.
    """
    index = repo.index
    index.read()
    for path, before, after in _changes(repo, old, new):
        indexed = index[path].id if path in index else None
        if indexed != before:
            continue
        file = Path(repo.workdir) / path
        clean = _blob_id(file) == before
        if after is None:
            index.remove(path)
            if clean:
                file.unlink(missing_ok=True)
            continue
        index.add(pygit2.IndexEntry(path, after, pygit2.enums.FileMode.BLOB))
        if clean:
            write_file(file, repo[after].data)
    index.write()


def _changes(repo: Any, old: str | None, new: str) -> list[tuple[str, Any | None, Any | None]]:
    after = repo[new].peel(pygit2.Tree)
    if old is None:
        diff = after.diff_to_tree(swap=True)
    else:
        diff = repo[old].peel(pygit2.Tree).diff_to_tree(after)
    zero = pygit2.Oid(raw=bytes(20))
    changes = []
    for delta in diff.deltas:
        before_id = None if delta.old_file.id == zero else delta.old_file.id
        after_id = None if delta.new_file.id == zero else delta.new_file.id
        changes.append((delta.new_file.path or delta.old_file.path, before_id, after_id))
    return changes


def _blob_id(file: Path) -> Any | None:
    return pygit2.hashfile(str(file)) if file.is_file() and not file.is_symlink() else None
