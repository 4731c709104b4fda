"""Records: what was solved, built and published, and what failed. Paths and contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from gitstore.errors import GitstoreError
from gitstore.model.canonical import digest, short

RECORDS_BRANCH = "gitstore/records"
RECORDS_REF = f"refs/heads/{RECORDS_BRANCH}"
FORMAT = 1
_FIRST_RETRY = timedelta(minutes=1)
_LAST_RETRY = timedelta(hours=6)
_UNSOLVABLE_RETRY = timedelta(days=1)


def solve_path(environment: str, input_digest: str) -> str:
    return f"solves/{environment}/{short(input_digest)}.json"


def build_path(platform: str, content: str, recipe: str) -> str:
    return f"builds/{platform}/{short(content)}-{short(recipe, 8)}.json"


def failure_path(environment: str, key: str, attempt: int) -> str:
    return f"failures/{environment}/{short(key)}-{attempt}.json"


def package_path(sha256: str) -> str:
    return f"packages/{sha256[:2]}/{sha256}.json"


def lock_key(input_digest: str, unverified_lock: str | None) -> str:
    """Return the digest that failures of a lock stand under: other input, other work."""
    return digest({"input": input_digest, "lock": unverified_lock})


def build_key(platform: str, content: str, recipe: str) -> str:
    """Return the digest that failures of a build stand under."""
    return digest({"platform": platform, "content": content, "recipe": recipe})


def format_time(moment: datetime) -> str:
    """Write a moment as records do: UTC, whole seconds, ``Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True, slots=True)
class SolveFacts:
    """What a plan needs of a solve record."""

    lock: str
    content: Mapping[str, str]
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFacts:
    """What a plan needs of a build record: for each kind, the targets that have it."""

    published: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureFacts:
    """What a plan needs of the latest failure record of some work."""

    attempt: int
    code: str
    message: str
    retry_after: str | None

    def blocks(self, now: str) -> bool:
        """Say whether the work still waits at ``now`` (as ``format_time`` writes it)."""
        return self.retry_after is None or now < self.retry_after


def _nothing(kind: str, oid: str) -> Any:
    raise KeyError(f"{kind} {oid}")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """An index of the records branch. Blobs are read only when a fact of one is asked for.

    ``solves`` maps environment and input prefix, ``builds`` platform and file stem, ``failures``
    environment and key prefix to blob ids; ``read(kind, oid)`` returns the facts of a blob.
    """

    solves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    builds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failures: Mapping[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict)
    read: Callable[[str, str], Any] = field(default=_nothing, repr=False)

    def solve(self, environment: str, input_digest: str) -> SolveFacts | None:
        oid = self.solves.get(environment, {}).get(short(input_digest))
        return self._solve_facts(oid) if oid else None

    def solves_of(self, environment: str) -> list[SolveFacts]:
        """Return every solve of an environment, in the order of their numbers."""
        facts = [self._solve_facts(oid) for oid in self.solves.get(environment, {}).values()]
        return sorted(facts, key=lambda fact: fact.number)

    def knows_lock(self, environment: str, oid: str) -> bool:
        """Say whether a lockfile's blob is in some solve record of the environment."""
        return any(fact.lock == oid for fact in self.solves_of(environment))

    def build(self, platform: str, content: str, recipe: str) -> BuildFacts | None:
        stem = f"{short(content)}-{short(recipe, 8)}"
        oid = self.builds.get(platform, {}).get(stem)
        if oid is None:
            return None
        published = self.read("build", oid)["published"]
        return BuildFacts(published={kind: tuple(names) for kind, names in published.items()})

    def failure(self, environment: str, key: str) -> FailureFacts | None:
        found = self.failures.get(environment, {}).get(short(key))
        if found is None:
            return None
        attempt, oid = found
        data = self.read("failure", oid)
        return FailureFacts(
            attempt=attempt,
            code=data["code"],
            message=data["message"],
            retry_after=data["retry_after"],
        )

    def _solve_facts(self, oid: str) -> SolveFacts:
        data = self.read("solve", oid)
        return SolveFacts(lock=data["lock"], content=data["content"], number=data["number"])


def facts_of(kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a record to what plans need, which is what the memo keeps."""
    if kind == "solve":
        return {
            "lock": record["lock"]["oid"],
            "content": record["lock"]["content"],
            "number": record["number"],
        }
    if kind == "build":
        return {
            "published": {
                artifact["kind"]: sorted(place["target"] for place in artifact["published"])
                for artifact in record["artifacts"]
            }
        }
    return {key: record[key] for key in ("code", "message", "retry_after")}


def retry_after(error: GitstoreError, attempt: int, now: datetime) -> str | None:
    """Say when failed work is tried again; None waits for a changed input or ``--retry``.

    What may mend itself is tried after a minute, then four times as long each time, at most six
    hours. A spec without a solution is tried after a day, since channels change.
    """
    if error.retryable:
        pause = min(_FIRST_RETRY * 4 ** min(attempt - 1, 8), _LAST_RETRY)
        return format_time(now + pause)
    if error.code == "unsolvable":
        return format_time(now + _UNSOLVABLE_RETRY)
    return None


def failure_record(
    error: GitstoreError,
    *,
    environment: str,
    stage: str,
    key: str,
    attempt: int,
    platform: str | None,
    store: str,
    started: datetime,
    seconds: float,
) -> dict[str, Any]:
    """Make a failure record (``gitstore:v1/failure``)."""
    ended = started + timedelta(seconds=seconds)
    return {
        "format": FORMAT,
        "kind": "failure",
        "environment": environment,
        "stage": stage,
        "digest": key,
        "attempt": attempt,
        "platform": platform,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
        "retry_after": retry_after(error, attempt, ended),
        "log": getattr(error, "log", None),
        "store": store,
        "started": format_time(started),
        "seconds": round(seconds, 3),
    }
