"""Where a namespace's records say that an environment's archive is."""

from __future__ import annotations

from pathlib import Path

from gitstore.errors import GitstoreError
from gitstore.git.repository import GitRepository
from gitstore.memo import Memo
from gitstore.model.records import RECORDS_REF
from gitstore.pipeline.history import load_history, read_record


def archive_of(repository: Path, environment: str) -> str:
    """Return the digest of the newest archive of an environment.

    Raises:
        GitstoreError: none was built.
    """
    git = GitRepository(repository)
    history = load_history(git, Memo(None))
    solves = history.solves_of(environment)
    head = git.resolve(RECORDS_REF)
    contents = {content[7:23] for content in solves[-1].content.values()} if solves else set()
    for entry in git.entries(head, "builds/") if head else ():
        if Path(entry.path).name[:16] in contents:
            record = read_record(git, entry.oid)
            return str(record["artifacts"][0]["digest"])
    raise GitstoreError(f"no archive of `{environment}` was built")
