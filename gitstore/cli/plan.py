"""``gitstore plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitstore.cli.namespaces import each_namespace, error_results
from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session
from gitstore.cli.text import plan_lines
from gitstore.errors import EXIT_DONE, EXIT_PENDING, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from gitstore.model.settings import NamespaceEntry
    from gitstore.pipeline.run import Observation


@click.command("plan", short_help="Show what apply would do and why, instantly.")
@what_argument
@click.option("--retry", is_flag=True, help="Plan failed work as if it had not been tried.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...], *, retry: bool, exit_code: bool) -> None:
    """Show what apply would do and why, instantly.

    Nothing is solved, fetched or written: what has to be done follows from git alone. Every item
    has the code of its reason.
    """
    from gitstore.pipeline.run import observe

    session: Session = ctx.obj
    store = session.store()

    def look(entry: NamespaceEntry, selected: frozenset[str] | None) -> Observation:
        with session.ports(store, entry) as ports:
            observed = observe(ports, selected=selected, retry=retry)
            ports.memo.save()
            return observed

    found, errors = each_namespace(store, what, look)
    plans = [observed.plan for observed in found]
    reporter = session.reporter
    reporter.result(
        "plan",
        [*(plan.to_dict() for plan in plans), *error_results(errors)],
        plan_lines(plans, reporter),
        problems=[problem for observed in found for problem in observed.tree.all_problems()],
        ok=not errors,
    )
    for name, error in errors:
        reporter.failure(name, error)
    work = any(plan.work for plan in plans)
    session.next("gitstore apply" if work else "gitstore status")
    if errors:
        ctx.exit(EXIT_SOME_FAILED)
    ctx.exit(EXIT_PENDING if work and exit_code else EXIT_DONE)
