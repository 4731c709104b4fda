"""``gitstore lock``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitstore.cli.namespaces import each_namespace, error_results, one_environment
from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session
from gitstore.cli.text import report_lines
from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED, UsageError
from gitstore.model.plan import Update

if TYPE_CHECKING:
    from gitstore.model.report import Report
    from gitstore.model.settings import NamespaceEntry


@click.command("lock", short_help="Lock without building; update packages on request.")
@what_argument
@click.option("--update", "packages", multiple=True, metavar="PACKAGE", help="Let this one move.")
@click.option("--update-all", is_flag=True, help="Solve as if there were no lockfile.")
@click.option("--retry", is_flag=True, help="Try failed work again now.")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    *,
    packages: tuple[str, ...],
    update_all: bool,
    retry: bool,
) -> None:
    """Lock what changed and commit the lockfiles, without building.

    A relock moves only what it must. `--update PACKAGE` lets that package move to the newest
    version that the spec allows, and others only as far as it needs; it may be given several
    times. `--update-all` solves anew.
    """
    from gitstore.files import work_directory
    from gitstore.pipeline.run import apply_namespace

    session: Session = ctx.obj
    store = session.store()
    if packages and update_all:
        raise UsageError("`--update` and `--update-all` say two things", hint="give one of them")
    asked = packages or update_all
    names = None if update_all else frozenset(name.lower() for name in packages)
    update = Update(packages=names) if asked else None
    run_name = session.run_name

    def do(entry: NamespaceEntry, selected: frozenset[str] | None) -> Report:
        with session.ports(store, entry, run_name=run_name) as ports:
            return apply_namespace(
                ports,
                holder=session.holder,
                selected=selected,
                retry=retry,
                update=update,
                builds=False,
            )

    with work_directory(store.work, run_name):
        reports, errors = each_namespace(store, what, do)
    bad = errors or any(report.failed for report in reports)
    reporter = session.reporter
    reporter.result(
        "lock",
        [*(report.to_dict() for report in reports), *error_results(errors)],
        report_lines(reports, reporter),
        problems=[problem for report in reports for problem in report.problems],
        ok=not bad,
    )
    failures = [
        (f"{report.namespace}/{outcome.environment}", outcome.error)
        for report in reports
        for outcome in report.failed
        if outcome.error is not None
    ]
    for place, error in [*failures, *errors]:
        reporter.failure(place, error)
    session.next("gitstore apply")
    if one_environment(what) and failures:
        ctx.exit(failures[0][1].exit_code)
    ctx.exit(EXIT_SOME_FAILED if bad else EXIT_DONE)
