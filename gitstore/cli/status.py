"""``gitstore status``."""

from __future__ import annotations

import click

from gitstore.cli.options import common_options, what_argument
from gitstore.cli.session import Session, select
from gitstore.cli.text import status_lines


@click.command("status", short_help="Show every environment and how it is.")
@what_argument
@common_options
@click.pass_obj
def command(session: Session, what: tuple[str, ...]) -> None:
    """Show every environment: its version, its platforms, and how it is."""
    from gitstore.model.status import status_of
    from gitstore.pipeline.run import observe

    store = session.store()
    found = []
    for entry, selected in select(store, what):
        with session.ports(store, entry) as ports:
            observed = observe(ports, selected=selected)
            ports.memo.save()
        rows = status_of(observed.tree, observed.history, observed.plan)
        shown = [row for row in rows if selected is None or row.name in selected]
        found.append((entry.name, observed.tree.revision or "", shown))
    reporter = session.reporter
    reporter.result(
        "status",
        [
            {"namespace": name, "revision": revision, "environments": [r.to_dict() for r in rows]}
            for name, revision, rows in found
        ],
        status_lines(found, reporter) or ["no namespaces yet"],
    )
    all_good = all(row.reason == "up-to-date" for _, _, rows in found for row in rows)
    if not found:
        session.next("gitstore namespace create NAME")
    else:
        session.next("gitstore site build site" if all_good else "gitstore plan")
