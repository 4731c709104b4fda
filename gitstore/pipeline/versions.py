"""Versions of an environment: commits of the first-parent history that changed its lockfile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitstore.memo import Memo
from gitstore.model.environment import LOCKFILE, CommitInfo
from gitstore.pipeline.ports import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version: its number, commit, time (seconds since 1970), and lockfile's blob."""

    number: int
    commit: str
    time: int
    lock: str


class VersionIndex:
    """The versions of every lockfile path, kept up as the branch moves on."""

    def __init__(self, repository: Repository, memo: Memo) -> None:
        self._repository = repository
        self._memo = memo
        self._head: str | None = None
        self._versions: dict[str, list[Version]] = {}

    def at(self, head: str) -> Mapping[str, Sequence[Version]]:
        """Return the versions at ``head``, oldest first.

        A commit that takes a lockfile away makes no version. What a commit changed never changes,
        so it is derived once; a head that follows the last one costs only what is new.
        """
        new: list[CommitInfo] = []
        for commit in self._repository.first_parents(head):
            if commit.oid == self._head:
                break
            new.append(commit)
        else:
            self._versions = {}
        for commit in reversed(new):
            self._add(commit)
        self._head = head
        return self._versions

    def made(self, commit: str, path: str, lock: str) -> None:
        """Take note of a commit of our own, which needs no comparing: it changed one lockfile."""
        self._memo.derive("locks-changed", commit, lambda: [(path, lock)])

    def _add(self, commit: CommitInfo) -> None:
        changed = self._memo.derive(
            "locks-changed", commit.oid, lambda: _locks_changed(self._repository, commit)
        )
        for path, lock in changed:
            if lock is None:
                continue
            known = self._versions.setdefault(path, [])
            known.append(
                Version(
                    number=len(known) + 1,
                    commit=commit.oid,
                    time=commit.time,
                    lock=lock,
                )
            )


def _locks_changed(repository: Repository, commit: CommitInfo) -> list[tuple[str, str | None]]:
    changed = repository.changed_files(commit.oid, commit.parent)
    return [(path, oid) for path, oid in changed if path.endswith(LOCKFILE)]
