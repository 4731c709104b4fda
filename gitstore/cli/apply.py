"""``gitstore apply``."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from gitstore.cli.namespaces import Errors, each_namespace, error_results, one_environment
from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session
from gitstore.cli.text import report_lines
from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED
from gitstore.model.report import Report

if TYPE_CHECKING:
    from gitstore.model.settings import NamespaceEntry


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
    run_name = session.run_name

    def do(entry: NamespaceEntry, selected: frozenset[str] | None) -> Report:
        with session.ports(store, entry, run_name=run_name, workers=workers) as ports:
            return apply_namespace(ports, holder=session.holder, selected=selected, retry=retry)

    with work_directory(store.work, run_name):
        reports, errors = each_namespace(store, what, do)
    code = max((report.exit_code for report in reports), default=EXIT_DONE)
    if errors:
        code = EXIT_SOME_FAILED
    reporter = session.reporter
    reporter.result(
        "apply",
        [*(report.to_dict() for report in reports), *error_results(errors)],
        report_lines(reports, reporter),
        problems=[problem for report in reports for problem in report.problems],
        ok=code == EXIT_DONE,
    )
    failures = [
        (f"{report.namespace}/{outcome.environment}", outcome.error)
        for report in reports
        for outcome in report.failed
        if outcome.error is not None
    ]
    for place, error in [*failures, *errors]:
        reporter.failure(place, error)
    session.next(_next(reports, errors))
    if one_environment(what) and failures:
        code = failures[0][1].exit_code
    ctx.exit(code)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _next(reports: list[Report], errors: Errors) -> str:
    if not reports and not errors:
        return "gitstore namespace create NAME"
    if errors or any(item.reason == "spec-invalid" for r in reports for item in r.waiting):
        return "gitstore check"
    failed = [outcome for report in reports for outcome in report.failed]
    if any(outcome.error is not None and outcome.error.retryable for outcome in failed):
        return "gitstore apply --retry"
    if failed or any(report.waiting for report in reports):
        return "correct the spec and push, then `gitstore apply`"
    return "gitstore site build site"
