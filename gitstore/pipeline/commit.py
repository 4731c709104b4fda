"""Commit: lockfiles onto the branch and records onto theirs, by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gitstore.errors import RefMovedError
from gitstore.model.lockdiff import LockDiff, diff_words, summary_words
from gitstore.model.records import RECORDS_REF
from gitstore.pipeline.ports import Clock, Repository

_ATTEMPTS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeChange:
    """One commit to make: files put in (or, with None, taken out) and what it says."""

    environment: str
    files: Mapping[str, bytes | None]
    message: str


def lock_message(
    subject: str, *, environment: str, diff: LockDiff, input_digest: str, spec_commit: str | None
) -> str:
    """Write a lock commit's message: subject, the package diff in words, trailers."""
    trailers = [
        f"Gitstore-Environment: {environment}",
        f"Gitstore-Input: {input_digest}",
        *([f"Gitstore-Spec-Commit: {spec_commit}"] if spec_commit else []),
    ]
    body = diff_words(diff) or ["No package moved."]
    title = f"{subject.replace('{environment}', environment)}: {summary_words(diff)}"
    return "\n".join([title, "", *body, "", *trailers]) + "\n"


def commit_changes(
    repository: Repository,
    ref: str,
    *,
    head: str | None,
    changes: Callable[[str | None], Sequence[TreeChange]],
    author: str,
    clock: Clock,
) -> tuple[str | None, dict[str, str]]:
    """Put commits onto ``ref`` and move it once; return its new head and each one's commit.

    ``changes`` says, for the head that it is given, what is still to be done there: it is asked
    again when somebody pushed meanwhile. A change that changes nothing makes no commit.

    Raises:
        RefMovedError: the ref kept moving.
    """
    for _ in range(_ATTEMPTS):
        at, commits = head, dict[str, str]()
        when = clock()
        for change in changes(head):
            made = repository.commit(
                change.files, parent=at, message=change.message, author=author, when=when
            )
            if made is not None:
                at = made
                commits[change.environment] = made
        if at == head or at is None:
            return head, commits
        try:
            repository.compare_and_swap(ref, at, head)
        except RefMovedError:
            moved = repository.resolve(ref)
            if moved == head:
                raise
            head = moved
            continue
        return at, commits
    raise RefMovedError(
        f"`{ref}` moved {_ATTEMPTS} times while a commit was made",
        hint="run the same command again when fewer people push",
    )


def commit_records(
    repository: Repository,
    files: Mapping[str, bytes | None],
    *,
    message: str,
    author: str,
    clock: Clock,
) -> None:
    """Put records onto the records branch in one commit. Records of others stay as they are."""
    if not files:
        return
    change = TreeChange(environment="", files=dict(files), message=f"{message}\n")
    commit_changes(
        repository,
        RECORDS_REF,
        head=repository.resolve(RECORDS_REF),
        changes=lambda _: [change],
        author=author,
        clock=clock,
    )


def seconds_between(start: datetime, end: datetime) -> float:
    """Return the seconds from ``start`` to ``end``, never less than none."""
    return max(0.0, (end - start).total_seconds())
