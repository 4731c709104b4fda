"""Load the records branch as an index of paths; no record is read until somebody asks for it."""

from __future__ import annotations

import json
from typing import Any

from gitstore.errors import GitError
from gitstore.memo import Memo
from gitstore.model.records import RECORDS_REF, History, facts_of
from gitstore.pipeline.ports import Repository


def load_history(repository: Repository, memo: Memo) -> History:
    """Index what was solved, built and failed. A repository without records has an empty history."""
    head = repository.resolve(RECORDS_REF)
    if head is None:
        return History()

    def read(kind: str, oid: str) -> Any:
        return memo.derive(
            f"record-{kind}", oid, lambda: facts_of(kind, read_record(repository, oid))
        )

    return History(
        solves=_two_levels(repository, head, "solves/"),
        builds=_two_levels(repository, head, "builds/"),
        failures=_failures(repository, head),
        read=read,
    )


def read_record(repository: Repository, oid: str) -> dict[str, Any]:
    """Read one record.

    Raises:
        GitError: it is damaged, or written by a newer gitstore.
    """
    try:
        record: dict[str, Any] = json.loads(repository.read(oid))
        newer = record["format"] != 1
    except (ValueError, KeyError, TypeError) as exc:
        raise GitError(f"the record {oid} is damaged: {exc}", where=RECORDS_REF) from exc
    if newer:
        said = f"the record {oid} has format {record['format']}, and this gitstore reads format 1"
        raise GitError(said, where=RECORDS_REF, hint="upgrade gitstore")
    return record


def _two_levels(repository: Repository, head: str, folder: str) -> dict[str, dict[str, str]]:
    index: dict[str, dict[str, str]] = {}
    for entry in repository.entries(head, folder):
        _, group, name = entry.path.split("/", 2)
        index.setdefault(group, {})[name.removesuffix(".json")] = entry.oid
    return index


def _failures(repository: Repository, head: str) -> dict[str, dict[str, tuple[int, str]]]:
    index: dict[str, dict[str, tuple[int, str]]] = {}
    for entry in repository.entries(head, "failures/"):
        _, environment, name = entry.path.split("/", 2)
        key, _, attempt = name.removesuffix(".json").rpartition("-")
        latest = index.setdefault(environment, {}).get(key, (0, ""))
        if attempt.isdigit() and int(attempt) > latest[0]:
            index[environment][key] = (int(attempt), entry.oid)
    return index
