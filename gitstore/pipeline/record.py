"""Record: what was solved and built, as files of the records branch. Pure but for reading facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gitstore import __version__
from gitstore.model.identity import Recipe
from gitstore.model.lockdiff import LockDiff
from gitstore.model.records import FORMAT, RECORDS_REF, format_time, package_path
from gitstore.model.work import BuildResult, PublishedArtifact, Solution
from gitstore.pipeline.ports import Repository

_SHA256_DIGITS = 64


def solve_record(
    *,
    environment: str,
    number: int,
    input_digest: str,
    spec_path: str,
    spec_commit: str,
    lock_path: str,
    lock_oid: str,
    content: Mapping[str, str],
    previous: str | None,
    diff: LockDiff,
    dropped: Mapping[str, str],
    solution: Solution | None,
    store: str,
    started: datetime,
) -> dict[str, Any]:
    """Make a solve record (``gitstore:v1/solve``). Without a solution the lockfile was put back."""
    return {
        "format": FORMAT,
        "kind": "solve",
        "environment": environment,
        "number": number,
        "input": input_digest,
        "spec": {"path": spec_path, "commit": spec_commit},
        "lock": {"path": lock_path, "oid": lock_oid, "content": dict(content)},
        "previous": previous,
        "changes": diff.to_dict(),
        "dropped": dict(dropped),
        "solver": solution.solver if solution else None,
        "snapshots": dict(solution.snapshots) if solution else {},
        "store": store,
        "requested_by": None,
        "pull_request": None,
        "approved_by": [],
        "started": format_time(started),
        "seconds": round(solution.seconds, 3) if solution else 0,
    }


def build_record(
    *,
    platform: str,
    content: str,
    recipe: Recipe,
    environment: str,
    input_digest: str,
    lock_commit: str,
    result: BuildResult | None,
    published: Sequence[PublishedArtifact],
    log: Mapping[str, Any] | None,
    publish_seconds: float,
    store: str,
    started: datetime,
    seconds: float,
) -> dict[str, Any]:
    """Make a build record (``gitstore:v1/build``). Without a result the artifacts were reused."""
    phases = [phase.to_dict() for phase in result.phases] if result else []
    phases.append({"name": "publish" if result else "reuse", "seconds": round(publish_seconds, 3)})
    usage = result.usage if result else {}
    return {
        "format": FORMAT,
        "kind": "build",
        "platform": platform,
        "content": content,
        "recipe": {"digest": recipe.digest, **recipe.to_dict()},
        "for": {"environment": environment, "input": input_digest, "lock_commit": lock_commit},
        "verdict": "succeeded",
        "tests": [test.to_dict() for test in result.tests] if result else [],
        "phases": phases,
        "artifacts": [artifact.to_dict() for artifact in published],
        "log": dict(log) if log else None,
        "usage": {
            "new_bytes": sum(artifact.new_bytes for artifact in published),
            "peak_rss": usage.get("peak_rss", 0),
            "disk": usage.get("disk", 0),
        },
        "runner": {
            "store": store,
            "gitstore": __version__,
            "executor": "local",
            "sandbox": result.sandbox if result else "none",
            "attempt": 1,
        },
        "started": format_time(started),
        "seconds": round(seconds, 3),
    }


def package_records(solution: Solution) -> dict[str, dict[str, Any]]:
    """Return the facts of every package of a solution, by path."""
    return {
        package_path(package.sha256): package.to_record()
        for packages in solution.platforms.values()
        for package in packages
        if len(package.sha256) == _SHA256_DIGITS  # of a git repository it is a commit
    }


def known_size(repository: Repository, hashes: Iterable[str]) -> int | None:
    """Add up what packages weigh compressed, by their facts on the records branch.

    None where a package is unknown: no size is better than a wrong one.
    """
    head = repository.resolve(RECORDS_REF)
    if head is None:
        return None
    total = 0
    for sha256 in hashes:
        entry = repository.entry(head, package_path(sha256))
        size = json.loads(repository.read(entry.oid)).get("size") if entry else None
        if size is None:
            return None
        total += int(size)
    return total
