"""``gitstore plan``."""

from __future__ import annotations

import click

from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session, select
from gitstore.cli.text import plan_lines
from gitstore.errors import EXIT_DONE, EXIT_PENDING


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
    plans, problems = [], []
    for entry, selected in select(store, what):
        with session.ports(store, entry) as ports:
            observed = observe(ports, selected=selected, retry=retry)
            ports.memo.save()
        plans.append(observed.plan)
        problems += list(observed.tree.all_problems())
    reporter = session.reporter
    reporter.result(
        "plan",
        [plan.to_dict() for plan in plans],
        plan_lines(plans, reporter),
        problems=problems,
    )
    work = any(plan.work for plan in plans)
    session.next("gitstore apply" if work else "gitstore status")
    ctx.exit(EXIT_PENDING if work and exit_code else EXIT_DONE)
