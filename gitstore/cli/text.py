"""Results as lines of text, for people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from gitstore.model.lockdiff import diff_words, summary_words
from gitstore.model.plan import Plan, PlanItem
from gitstore.model.platforms import PEOPLE_SAY
from gitstore.model.report import Report
from gitstore.model.status import EnvironmentStatus
from gitstore.output import Reporter, columns, count
from gitstore.pipeline.preview import Preview

# Skips that are not worth a line each.
_SHOWN = 50
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
        lines += _limited([_item_row(item) for item in shown], reporter)
        lines.append(f"  {len(plan.work):,} to do, {_skip_words(plan.skips)}")
    return lines


def _limited(rows: Sequence[tuple[str, ...]], reporter: Reporter) -> list[str]:
    """Lay rows out in columns; without ``-v`` only the first ones."""
    shown = rows if reporter.verbose else rows[:_SHOWN]
    lines = columns(shown)
    if len(shown) < len(rows):
        lines.append(f"  … and {len(rows) - len(shown):,} more; `-v` shows all")
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
        lines += _limited(rows, reporter)
        if reporter.verbose:
            lines += columns(
                [
                    (place["name"], place["target"], place["key"])
                    for outcome in report.outcomes
                    for place in outcome.artifacts
                ],
                indent="    ",
            )
        waiting = [
            item for item in report.skips if item.reason not in _QUIET_SKIPS or reporter.verbose
        ]
        lines += _limited([_item_row(item) for item in waiting], reporter)
        if not report.outcomes and not waiting:
            lines.append(f"  nothing to do; {_skip_words(report.skips)}")
    return lines


def preview_lines(found: Sequence[tuple[str, list[Preview]]], reporter: Reporter) -> list[str]:
    """Show previews: the verdict first, then what moves, then what each platform gets."""
    lines: list[str] = []
    for namespace, previews in found:
        lines.append(namespace)
        for preview in previews:
            lines += [f"  {line}".rstrip() for line in _preview_lines(preview, reporter)]
        if not previews:
            lines.append("  no environments")
    return lines


def _preview_lines(preview: Preview, reporter: Reporter) -> list[str]:
    name = reporter.style(preview.environment, "bold")
    if preview.error is not None:
        lines = reporter.error_lines(preview.error)
        return [f"{name}: cannot be locked", *(f"  {line}" for line in lines)]
    if preview.diff is None:
        return [f"{name}: {preview.status}"]
    words = diff_words(preview.diff)
    shown = words if reporter.verbose or len(words) <= 40 else words[:40]
    lines = [f"{name}: {preview.status}, {summary_words(preview.diff)}", *(f"  {w}" for w in shown)]
    if len(shown) < len(words):
        lines.append(f"  … {len(words) - len(shown)} more lines; `-v` shows them")
    for platform, size in (preview.sizes or {}).items():
        assumed = " ".join(
            f"{key}={value}" for key, value in (preview.virtual_packages or {})[platform].items()
        )
        system = PEOPLE_SAY.get(platform, platform)
        lines.append(
            f"  {system} ({platform}): {count(size.packages, 'package')}, "
            f"{size.bytes / 1e6:.1f} MB to download; assumes {assumed}"
        )
    for platform, reason in (preview.dropped or {}).items():
        lines.append(f"  {platform}: left out, since {reason}")
    return lines


def status_lines(
    found: Sequence[tuple[str, str, Sequence[EnvironmentStatus]]], reporter: Reporter
) -> list[str]:
    """Show every environment and how it is."""
    lines: list[str] = []
    for namespace, revision, rows in found:
        lines.append(f"{namespace} at {revision[:12]}")
        lines += _limited(
            [
                (
                    row.name,
                    f"version {row.version}" if row.version else "not locked",
                    ", ".join(row.platforms),
                    row.state,
                )
                for row in rows
            ],
            reporter,
        )
        if not rows:
            lines.append("  no environments")
    return lines
