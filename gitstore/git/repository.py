"""One git repository, through pygit2: no index, no work tree, no ``git`` program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pygit2

from gitstore.errors import GitError, RefMovedError
from gitstore.git.trees import changed_entries, write_tree
from gitstore.git.worktree import refresh_checkout
from gitstore.model.environment import CommitInfo, TreeEntry

_T = TypeVar("_T")
# pygit2 raises these for what a person or another process did to a repository.
_FOREIGN = (pygit2.GitError, OSError, KeyError, ValueError)
_MODE_LINK = 0o120000
_MODE_SUBMODULE = 0o160000
# Bytes of objects that libgit2 keeps; by default a quarter of a gigabyte, for trees seen once.
_CACHE_SIZE = 16 * 1024 * 1024
_FALLBACK_BRANCH = "refs/heads/main"

pygit2.settings.cache_max_size(_CACHE_SIZE)


class GitRepository:
    """A repository on this machine, bare or not."""

    def __init__(self, path: Path) -> None:
        """Open the repository at ``path``.

        Raises:
            GitError: there is none, or this user may not read it.
        """
        self.path = path
        try:
            self._repo: Any = pygit2.Repository(
                str(path), pygit2.enums.RepositoryOpenFlag.NO_SEARCH
            )
        except _FOREIGN as exc:
            said = str(exc)
            if "not owned by current user" in said:
                hint = f"git config --global --add safe.directory '{path}'"
                raise GitError(
                    "the repository belongs to another user", where=str(path), hint=hint
                ) from exc
            raise GitError(f"no git repository can be opened: {said}", where=str(path)) from exc

    @classmethod
    def create(cls, path: Path, *, bare: bool, branch: str = "main") -> GitRepository:
        """Make an empty repository."""
        try:
            pygit2.init_repository(str(path), bare=bare, initial_head=branch)
        except _FOREIGN as exc:
            raise GitError(f"the repository cannot be made: {exc}", where=str(path)) from exc
        return cls(path)

    @property
    def git_dir(self) -> Path:
        """The folder that holds refs and objects."""
        return Path(self._repo.path)

    @property
    def is_bare(self) -> bool:
        return bool(self._repo.is_bare)

    def head_ref(self) -> str:
        """Return the full name of the branch that HEAD names, even before its first commit."""
        head = self._try(lambda: self._repo.lookup_reference("HEAD"), "HEAD cannot be read")
        target = head.raw_target
        if isinstance(target, (str, bytes)):
            return target if isinstance(target, str) else target.decode("utf-8", "replace")
        return _FALLBACK_BRANCH

    def resolve(self, ref: str) -> str | None:
        """Return the commit that a full ref name or a commit-ish names, or None."""
        try:
            obj, _ = self._repo.resolve_refish(ref)
        except _FOREIGN:
            return None
        return str(obj.id)

    def branches(self) -> list[str]:
        return sorted(self._repo.branches.local)

    def entries(self, commit: str, prefix: str = "") -> Iterator[TreeEntry]:
        """Yield the files below the folder ``prefix`` (with a final slash, or empty), by path."""
        root = self._try(
            lambda: self._repo[commit].peel(pygit2.Tree), f"commit {commit} is missing"
        )
        tree = _descend(root, prefix)
        return iter(_files_below(tree, prefix) if tree is not None else ())

    def folder_id(self, commit: str, prefix: str) -> str | None:
        """Return the id of the folder ``prefix`` (with a final slash, or empty), or None."""
        root = self._try(
            lambda: self._repo[commit].peel(pygit2.Tree), f"commit {commit} is missing"
        )
        tree = _descend(root, prefix)
        return str(tree.id) if tree is not None else None

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """Return the file at ``path``, or None."""
        root = self._try(
            lambda: self._repo[commit].peel(pygit2.Tree), f"commit {commit} is missing"
        )
        folder, _, name = path.rpartition("/")
        tree = _descend(root, f"{folder}/" if folder else "")
        if tree is None or name not in tree:
            return None
        found = tree[name]
        return None if isinstance(found, pygit2.Tree) else _entry(path, found)

    def size(self, oid: str) -> int:
        """Return the size of a blob in bytes."""
        # The header alone: a blob of gigabytes must not be read to be refused.
        header = self._try(lambda: self._repo.odb.read_header(oid), f"object {oid} is missing")
        return int(header[1])

    def has_object(self, oid: str) -> bool:
        return oid in self._repo

    def read(self, oid: str) -> bytes:
        """Return a blob's bytes."""
        return bytes(self._try(lambda: self._repo.read(oid)[1], f"object {oid} is missing"))

    def commit(
        self,
        files: Mapping[str, bytes | None],
        *,
        parent: str | None,
        message: str,
        author: str,
        when: datetime,
    ) -> str | None:
        """Write a commit on ``parent`` with ``files`` put in (None takes one out).

        Returns its id, or None where the tree would equal the parent's: no empty commits, so no
        commit loops. No ref moves.
        """

        def make() -> str | None:
            base = self._repo[parent].peel(pygit2.Tree) if parent else None
            tree = write_tree(self._repo, base, files)
            if base is not None and tree == base.id:
                return None
            name, _, address = author.rstrip(">").partition(" <")
            signature = pygit2.Signature(name, address, int(when.timestamp()), 0)
            parents = [parent] if parent else []
            return str(self._repo.create_commit(None, signature, signature, message, tree, parents))

        return self._try(make, "a commit could not be written")

    def compare_and_swap(self, ref: str, new: str, old: str | None) -> None:
        """Move ``ref`` from ``old`` (None: it is not there yet) to ``new``, or not at all.

        Raises:
            RefMovedError: it stood elsewhere; nothing was changed.
        """
        try:
            if old is None:
                self._repo.references.create(ref, new, force=False)
            else:
                reference = self._repo.lookup_reference(ref)
                if str(reference.target) != old:
                    raise RefMovedError(f"`{ref}` was moved meanwhile", where=str(self.path))
                # libgit2 compares the value that it read above again under the ref's lock.
                reference.set_target(new)
        except _FOREIGN as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                raise GitError(f"`{ref}` cannot be written: {exc}", where=str(self.path)) from exc
            raise RefMovedError(
                f"`{ref}` could not be moved: {exc}",
                where=str(self.path),
                hint="if no other program runs, remove a stale `.lock` file beside the ref",
            ) from exc
        if not self.is_bare and ref == self.head_ref():
            refresh_checkout(self._repo, old, new)

    def first_parents(self, head: str) -> Iterator[CommitInfo]:
        """Yield the commits from ``head`` to the root, following first parents."""
        oid: str | None = head
        while oid is not None:
            at = oid
            commit = self._try(lambda at=at: self._repo[at], f"commit {at} is missing")  # type: ignore[misc]
            oid = str(commit.parent_ids[0]) if commit.parent_ids else None
            yield CommitInfo(oid=at, parent=oid, time=commit.commit_time)

    def message(self, commit: str) -> str:
        """Return a commit's message."""
        return self._try(lambda: str(self._repo[commit].message), f"commit {commit} is missing")

    def changed_files(self, commit: str, parent: str | None) -> list[tuple[str, str | None]]:
        """Return the paths that differ between two commits, with the new blob or None."""

        def compare() -> list[tuple[str, str | None]]:
            after = self._repo[commit].peel(pygit2.Tree)
            before = self._repo[parent].peel(pygit2.Tree) if parent else None
            return list(changed_entries(before, after))

        return self._try(compare, f"commit {commit} is missing")

    def _try(self, action: Callable[[], _T], message: str) -> _T:
        try:
            return action()
        except _FOREIGN as exc:
            raise GitError(f"{message}: {exc}", where=str(self.path)) from exc


def discover(path: Path) -> GitRepository | None:
    """Return the repository that is at ``path`` itself, or None."""
    if (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir()):
        return GitRepository(path)
    return None


def _descend(tree: Any, prefix: str) -> Any | None:
    for part in prefix.split("/")[:-1]:
        if part not in tree or not isinstance(tree[part], pygit2.Tree):
            return None
        tree = tree[part]
    return tree


def _files_below(tree: Any, prefix: str) -> list[TreeEntry]:
    files = []
    folders = [(prefix, tree)]
    while folders:
        at, folder = folders.pop()
        for item in folder:
            if isinstance(item, pygit2.Tree):
                folders.append((f"{at}{item.name}/", item))
            else:
                files.append(_entry(at + item.name, item))
    files.sort(key=lambda entry: entry.path)
    return files


def _entry(path: str, item: Any) -> TreeEntry:
    mode = item.filemode
    kind = {_MODE_LINK: "link", _MODE_SUBMODULE: "submodule"}.get(int(mode), "file")
    return TreeEntry(path=path, oid=str(item.id), kind=kind)
