"""``gitstore apply``."""

from __future__ import annotations

import signal
from typing import Any

import click

from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session, select
from gitstore.cli.text import report_lines
from gitstore.errors import GitstoreError
from gitstore.model.report import Report


@click.command("apply", short_help="Lock, build and publish what git asks for.")
@what_argument
@click.option("--retry", is_flag=True, help="Try failed work again now.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes. [one a core]")
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...], *, retry: bool, workers: int | None) -> None:
    """Lock, build and publish what git asks for, and nothing else.

    Safe to repeat, to interrupt and to kill: a finished revision has nothing to do, and an
    unfinished one goes on where it was.
    """
    from gitstore.files import work_directory
    from gitstore.pipeline.run import apply_namespace

    session: Session = ctx.obj
    signal.signal(signal.SIGTERM, _interrupt)
    store = session.store()
    chosen = select(store, what)
    reporter = session.reporter
    reports: list[Report] = []
    errors: list[GitstoreError] = []
    run_name = session.run_name
    with work_directory(store.work, run_name):
        for entry, selected in chosen:
            try:
                with session.ports(store, entry, run_name=run_name, workers=workers) as ports:
                    reports.append(
                        apply_namespace(
                            ports, holder=session.holder, selected=selected, retry=retry
                        )
                    )
            except GitstoreError as exc:
                if len(chosen) == 1:
                    raise
                errors.append(exc)
                reporter.error("apply", exc)
    code = max([report.exit_code for report in reports] + [e.exit_code for e in errors], default=0)
    reporter.result(
        "apply",
        [report.to_dict() for report in reports],
        report_lines(reports, reporter),
        problems=[problem for report in reports for problem in report.problems],
        ok=code == 0,
    )
    _show_failures(session, reports)
    session.next(_next(reports, any_namespace=bool(chosen)))
    ctx.exit(min(code, 1) if len(chosen) > 1 else code)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _show_failures(session: Session, reports: list[Report]) -> None:
    reporter = session.reporter
    for report in reports:
        for outcome in report.failed:
            if outcome.error is not None and not session.as_json:
                reporter.note("")
                reporter.note(f"{report.namespace}/{outcome.environment}:")
                for line in reporter.error_lines(outcome.error):
                    reporter.note(line)


def _next(reports: list[Report], *, any_namespace: bool) -> str:
    if not any_namespace:
        return "gitstore namespace create NAME"
    if any(report.waiting for report in reports):
        return "gitstore check"
    if any(report.failed for report in reports):
        return "gitstore apply --retry"
    return "gitstore site build site"
