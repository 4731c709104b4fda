"""How every environment of a namespace is, in a word or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gitstore.model.environment import LoadedEnvironment, SpecTree
from gitstore.model.plan import Plan, PlanItem
from gitstore.model.records import History

_WORDS = {
    "spec-invalid": "the spec has problems",
    "failed-before": "failed",
    "lock-only": "a lockfile without a spec",
    "frozen": "frozen",
    "spec-deleted": "retired",
    "same-content": "built as another environment",
}
_PENDING = {"lock": "to be locked", "build": "to be built", "publish": "to be published"}


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentStatus:
    """One environment: its locked version (0: none), its platforms, and its state in words."""

    name: str
    version: int
    platforms: tuple[str, ...]
    state: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def status_of(tree: SpecTree, history: History, plan: Plan) -> list[EnvironmentStatus]:
    """Return the status of every environment, by name."""
    items: dict[str, list[PlanItem]] = {}
    for item in plan.items:
        items.setdefault(item.environment, []).append(item)
    return [_status(env, history, items.get(env.name, ())) for env in tree.environments]


def _status(
    environment: LoadedEnvironment, history: History, items: Sequence[PlanItem]
) -> EnvironmentStatus:
    deciding = next((item for item in items if item.reason != "no-runner"), None)
    known = history.solve(environment.name, environment.input) if environment.input else None
    locked = known is not None and environment.lock is not None
    return EnvironmentStatus(
        name=environment.name,
        version=known.number if known and locked else 0,
        platforms=tuple(sorted(known.content)) if known and locked else environment.platforms,
        state=_state(deciding),
        reason=deciding.reason if deciding else "up-to-date",
    )


def _state(item: PlanItem | None) -> str:
    if item is None or item.reason == "up-to-date":
        return "up to date"
    if item.verb in _PENDING:
        return f"{_PENDING[item.verb]} ({item.reason})"
    words = _WORDS.get(item.reason, item.reason)
    detail = item.detail.splitlines()[0] if item.detail else ""
    return f"{words}: {detail}" if detail else words
