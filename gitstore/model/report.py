"""What an apply did: one line of outcome for each thing it worked on. A failure is a value here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED, GitstoreError
from gitstore.model.plan import PlanItem
from gitstore.model.problems import Problem, errors_of

Status = Literal["done", "failed"]
# Skips that mean that somebody has to do something.
_ATTENTION = frozenset({"spec-invalid", "failed-before"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One item of a plan, carried out or failed.

    ``record`` is the path on the records branch that tells everything about a lock, such as each
    package that moved: of ten thousand environments that would be too much for one report.
    """

    environment: str
    verb: str
    status: Status
    detail: str = ""
    platform: str | None = None
    error: GitstoreError | None = None
    record: str | None = None
    artifacts: tuple[Mapping[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "verb": self.verb,
            "platform": self.platform,
            "status": self.status,
            "detail": self.detail,
            "record": self.record,
            "artifacts": [dict(place) for place in self.artifacts],
            "error": error_dict(self.error) if self.error else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The outcomes of one namespace, and what was left alone."""

    namespace: str
    revision: str | None
    outcomes: tuple[Outcome, ...]
    skips: tuple[PlanItem, ...]
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    @property
    def waiting(self) -> tuple[PlanItem, ...]:
        """The skips that wait for a person."""
        return tuple(item for item in self.skips if item.reason in _ATTENTION)

    @property
    def exit_code(self) -> int:
        bad = self.failed or self.waiting or errors_of(self.problems)
        return EXIT_SOME_FAILED if bad else EXIT_DONE

    def to_dict(self) -> dict[str, Any]:
        return {
            "namespace": self.namespace,
            "revision": self.revision,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
            "skips": [item.to_dict() for item in self.skips],
        }


def error_dict(error: GitstoreError) -> dict[str, Any]:
    """Return an error as the JSON envelope holds it."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "where": error.where,
        "exit_code": error.exit_code,
        "retryable": error.retryable,
        "patch": error.patch,
    }
