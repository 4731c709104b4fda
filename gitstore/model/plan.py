"""A plan: what would be done and why, and what is skipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verb = Literal["lock", "build", "publish", "retire", "skip"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What somebody asks to be moved although the spec did not change; None for everything."""

    packages: frozenset[str] | None

    def keeps(self, name: str) -> bool:
        """Say whether a locked package should stay where nothing forces it."""
        return self.packages is not None and name not in self.packages


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanItem:
    """One decision. ``key`` is the digest under which failures of this work are recorded.

    ``restore`` is the blob of a lockfile that is put back without a solve; ``retry_after`` is
    when a failed item is tried again, in UTC, or None where it waits for a person.
    """

    environment: str
    verb: Verb
    reason: str
    platform: str | None = None
    key: str | None = None
    content: str | None = None
    restore: str | None = None
    retry_after: str | None = None
    detail: str = ""

    @property
    def is_work(self) -> bool:
        return self.verb != "skip"

    def to_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "verb": self.verb,
            "reason": self.reason,
            "platform": self.platform,
            "retry_after": self.retry_after,
            "detail": self.detail,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of one namespace at one revision."""

    namespace: str
    revision: str | None
    items: tuple[PlanItem, ...]

    @property
    def work(self) -> tuple[PlanItem, ...]:
        return tuple(item for item in self.items if item.is_work)

    @property
    def skips(self) -> tuple[PlanItem, ...]:
        return tuple(item for item in self.items if not item.is_work)

    def count(self) -> Mapping[str, int]:
        """Count items by ``verb: reason``."""
        return Counter(f"{item.verb}: {item.reason}" for item in self.items)

    def to_dict(self) -> dict[str, Any]:
        return {
            "namespace": self.namespace,
            "revision": self.revision,
            "items": [item.to_dict() for item in self.items],
        }
