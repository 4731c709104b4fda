"""Versions of an environment: the commits of the branch's first-parent history that changed its lockfile."""

from __future__ import annotations

from dataclasses import dataclass

from gitstore.memo import Memo
from gitstore.model.environment import LOCKFILE
from gitstore.pipeline.ports import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version: its number, commit, time (seconds since 1970), message, and lockfile's blob."""

    number: int
    commit: str
    time: int
    message: str
    lock: str


def lock_versions(repository: Repository, head: str, memo: Memo) -> dict[str, list[Version]]:
    """Return the versions of every lockfile path, oldest first.

    A commit that takes a lockfile away makes no version. What a commit changed never changes, so
    it is derived once.
    """
    versions: dict[str, list[Version]] = {}
    for commit in reversed(list(repository.first_parents(head))):
        changed = memo.derive(
            "locks-changed",
            commit.oid,
            lambda commit=commit: _locks_changed(repository, commit.oid, commit.parent),  # type: ignore[misc]
        )
        for path, lock in changed:
            if lock is None:
                continue
            known = versions.setdefault(path, [])
            known.append(
                Version(
                    number=len(known) + 1,
                    commit=commit.oid,
                    time=commit.time,
                    message=commit.message,
                    lock=lock,
                )
            )
    return versions


def _locks_changed(
    repository: Repository, commit: str, parent: str | None
) -> list[tuple[str, str | None]]:
    changed = repository.changed_files(commit, parent)
    return [(path, oid) for path, oid in changed if path.endswith(LOCKFILE)]
