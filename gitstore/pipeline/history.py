"""Load the records branch as an index of paths; no record is read until somebody asks for it."""

from __future__ import annotations

import json
from typing import Any

from gitstore.errors import GitError
from gitstore.memo import Memo
from gitstore.model.records import RECORDS_REF, History, facts_of
from gitstore.pipeline.ports import Repository


def load_history(repository: Repository, memo: Memo) -> History:
    """Index what was solved, built and failed; without a records branch that is nothing."""
    head = repository.resolve(RECORDS_REF)
    if head is None:
        return History()

    def read(kind: str, oid: str) -> Any:
        return memo.derive(f"record-{kind}", oid, lambda: _facts(repository, kind, oid))

    def index(folder: str) -> Any:
        tree = repository.folder_id(head, f"{folder}/")
        if tree is None:
            return {}
        return memo.derive(f"index-{folder}", tree, lambda: _index(repository, head, f"{folder}/"))

    return History(
        solves=index("solves"),
        builds=index("builds"),
        failures=_latest(index("failures")),
        read=read,
    )


def _facts(repository: Repository, kind: str, oid: str) -> Any:
    try:
        return facts_of(kind, read_record(repository, oid))
    except (KeyError, TypeError, AttributeError) as exc:
        raise GitError(f"the {kind} record {oid} is damaged: {exc!r}", where=RECORDS_REF) from exc


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


def _index(repository: Repository, head: str, folder: str) -> dict[str, dict[str, str]]:
    """Return the blob of every record below a folder, by the folder in it and the file's stem."""
    index: dict[str, dict[str, str]] = {}
    for entry in repository.entries(head, folder):
        _, group, name = entry.path.split("/", 2)
        index.setdefault(group, {})[name.removesuffix(".json")] = entry.oid
    return index


def _latest(index: dict[str, dict[str, str]]) -> dict[str, dict[str, tuple[int, str]]]:
    """Keep the last attempt of each failed work."""
    latest: dict[str, dict[str, tuple[int, str]]] = {}
    for environment, files in index.items():
        known = latest.setdefault(environment, {})
        for stem, oid in files.items():
            key, _, number = stem.rpartition("-")
            if number.isdigit() and int(number) > known.get(key, (0, ""))[0]:
                known[key] = (int(number), oid)
    return latest
