"""Results as lines of text, for people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from gitstore.model.plan import Plan, PlanItem
from gitstore.model.report import Report
from gitstore.output import Reporter, columns

# Skips that are not worth a line each.
_QUIET_SKIPS = frozenset({"up-to-date", "no-runner", "not-selected", "same-content"})


def plan_lines(plans: Sequence[Plan], reporter: Reporter) -> list[str]:
    """Show plans: every piece of work, and the skips that somebody should know of."""
    lines: list[str] = []
    for plan in plans:
        lines.append(f"{plan.namespace} at {(plan.revision or 'uncommitted')[:12]}")
        shown = [
            item
            for item in plan.items
            if reporter.verbose or item.is_work or item.reason not in _QUIET_SKIPS
        ]
        lines += columns([_item_row(item) for item in shown])
        lines.append(f"  {len(plan.work)} to do, {_skip_words(plan.skips)}")
    return lines


def _item_row(item: PlanItem) -> tuple[str, str, str, str]:
    detail = item.detail.splitlines()[0] if item.detail else ""
    if item.retry_after:
        detail = f"until {item.retry_after}: {detail}"
    elif item.reason == "failed-before":
        detail = f"until the spec changes, or `--retry`: {detail}"
    if len(detail) > 120:
        detail = detail[:117] + "..."
    return (item.verb, item.environment, item.platform or "", f"{item.reason}  {detail}".rstrip())


def _skip_words(skips: Iterable[PlanItem]) -> str:
    counts = Counter(item.reason for item in skips)
    words = [f"{count:,} {reason}" for reason, count in sorted(counts.items())]
    return f"skipped: {', '.join(words)}" if words else "nothing skipped"


def report_lines(reports: Sequence[Report], reporter: Reporter) -> list[str]:
    """Show what an apply did."""
    lines: list[str] = []
    for report in reports:
        lines.append(f"{report.namespace} at {(report.revision or '')[:12]}")
        rows = [
            (
                outcome.verb if outcome.status == "done" else f"{outcome.verb} failed",
                outcome.environment,
                outcome.platform or "",
                outcome.detail.splitlines()[0][:160] if outcome.detail else "",
            )
            for outcome in report.outcomes
        ]
        lines += columns(rows)
        waiting = [item for item in report.skips if item.reason not in _QUIET_SKIPS or reporter.verbose]
        lines += columns([_item_row(item) for item in waiting])
        if not report.outcomes and not waiting:
            lines.append(f"  nothing to do; {_skip_words(report.skips)}")
    return lines
