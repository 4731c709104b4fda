"""``gitstore`` alone: the state, and the next three things to type."""

from __future__ import annotations

from gitstore.cli.session import Session
from gitstore.errors import EXIT_DONE, GitstoreError
from gitstore.output import columns, count


def show_home(session: Session) -> int:
    """Show where one is and what one can do from here."""
    reporter = session.reporter
    root = session.find_store()
    if root is None:
        reporter.result(
            "gitstore",
            {"store": None},
            [
                "gitstore keeps a team's conda environments in git. There is no store here.",
                "",
                *columns(
                    [
                        ("gitstore demo", "see it all on real packages, in a folder of its own"),
                        ("gitstore init lab", "make a store in the folder `lab`"),
                        ("gitstore check DIR", "judge the specs of a folder; needs no store"),
                    ]
                ),
            ],
        )
        return EXIT_DONE
    store = session.store()
    rows = [_namespace_row(session, store, entry.name) for entry in store.settings.namespaces]
    names = [entry.name for entry in store.settings.namespaces]
    steps = (
        [
            ("gitstore plan", "what would be done, and why"),
            ("gitstore apply", "do it"),
            ("gitstore status", "every environment, and how it is"),
        ]
        if names
        else [
            ("gitstore namespace create NAME", "make a team's repository"),
            ("gitstore namespace add NAME DIR", "take one that is there"),
            ("gitstore demo", "see it all on real packages"),
        ]
    )
    reporter.result(
        "gitstore",
        {
            "store": str(store.root),
            "namespaces": [dict(zip(("name", "state"), row, strict=True)) for row in rows],
        },
        [f"store `{store.settings.name}` in {store.root}", *columns(rows), "", *columns(steps)],
    )
    return EXIT_DONE


def _namespace_row(session: Session, store: object, name: str) -> tuple[str, str]:
    from gitstore.pipeline.run import observe
    from gitstore.wiring import Store

    if not isinstance(store, Store):
        raise TypeError("a store is needed")
    try:
        with session.ports(store, store.entry(name)) as ports:
            observed = observe(ports)
            ports.memo.save()
    except GitstoreError as exc:
        return (name, exc.message)
    known, work = len(observed.tree.environments), len(observed.plan.work)
    state = f"{work:,} to do" if work else "all up to date"
    return (name, f"{count(known, 'environment')}, {state}")
