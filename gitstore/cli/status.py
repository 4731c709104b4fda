"""``gitstore status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitstore.cli.namespaces import each_namespace, error_results
from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session
from gitstore.cli.text import status_lines
from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from gitstore.model.settings import NamespaceEntry
    from gitstore.model.status import EnvironmentStatus


@click.command("status", short_help="Show every environment and how it is.")
@what_argument
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...]) -> None:
    """Show every environment: its version, its platforms, and how it is."""
    from gitstore.model.status import status_of
    from gitstore.pipeline.run import observe

    session: Session = ctx.obj
    store = session.store()

    def look(
        entry: NamespaceEntry, selected: frozenset[str] | None
    ) -> tuple[str, str, list[EnvironmentStatus]]:
        with session.ports(store, entry) as ports:
            observed = observe(ports, selected=selected)
            ports.memo.save()
        rows = status_of(observed.tree, observed.history, observed.plan)
        shown = [row for row in rows if selected is None or row.name in selected]
        return entry.name, observed.tree.revision or "", shown

    found, errors = each_namespace(store, what, look)
    reporter = session.reporter
    reporter.result(
        "status",
        [
            *(
                {
                    "namespace": name,
                    "revision": revision,
                    "environments": [r.to_dict() for r in rows],
                }
                for name, revision, rows in found
            ),
            *error_results(errors),
        ],
        status_lines(found, reporter) or ["no namespaces yet"],
        ok=not errors,
    )
    for name, error in errors:
        reporter.failure(name, error)
    all_good = all(row.reason == "up-to-date" for _, _, rows in found for row in rows)
    if not found and not errors:
        session.next("gitstore namespace create NAME")
    else:
        session.next("gitstore site build site" if all_good else "gitstore plan")
    ctx.exit(EXIT_SOME_FAILED if errors else EXIT_DONE)
