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
@click.option(
    "--update",
    "packages",
    multiple=True,
    is_flag=False,
    flag_value="",
    metavar="PACKAGE",
    help="Let this package move; may be given several times.",
)
@click.option("--all", "every", is_flag=True, help="With `--update`: let all packages move.")
@click.option("--retry", is_flag=True, help="Try failed work again now.")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    *,
    packages: tuple[str, ...],
    every: bool,
    retry: bool,
) -> None:
    """Lock what changed and commit the lockfiles, without building.

    A relock moves only what it must. `--update PACKAGE` lets that package move to the newest
    version that the spec allows, and others only as far as it needs. `--update --all` solves as
    if there were no lockfile.
    """
    from gitstore.files import work_directory
    from gitstore.pipeline.run import apply_namespace

    session: Session = ctx.obj
    store = session.store()
    update = _update(packages, every=every)
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


def _update(packages: tuple[str, ...], *, every: bool) -> Update | None:
    """Say what may move; None where nobody asks for anything.

    Raises:
        UsageError: the options make no sense together.
    """
    names = frozenset(name.lower() for name in packages if name)
    if every and not names and packages:
        return Update(packages=None)
    if every:
        raise UsageError(
            "`--all` stands behind `--update`, and instead of packages",
            hint="gitstore lock --update --all",
        )
    if packages and not names:
        hint = "`--update PACKAGE`, or `--update --all`"
        raise UsageError("`--update` does not say which package", hint=hint)
    return Update(packages=names) if names else None
