"""``gitstore namespace``."""

from __future__ import annotations

from pathlib import Path

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session
from gitstore.output import columns


@click.group("namespace", short_help="Make, add, list and remove namespaces.")
def command() -> None:
    """Make, add, list and remove namespaces.

    Every change is a commit to the store's own repository.
    """


@command.command("create", short_help="Make a namespace with a repository of its own.")
@click.argument("name")
@click.option(
    "--channel", "channels", multiple=True, help="A channel for its specs, in order. [conda-forge]"
)
@click.option(
    "--platform", "platforms", multiple=True, help="A platform to lock for. [this machine's]"
)
@common_options
@click.pass_obj
def create(
    session: Session, name: str, channels: tuple[str, ...], platforms: tuple[str, ...]
) -> None:
    """Make a namespace: a bare repository in the store, with a gitstore.yml and nothing else."""
    from gitstore.cli.session import runner_platform
    from gitstore.stores import create_namespace

    store = session.store()
    path = create_namespace(
        store,
        name,
        channels=channels or ("conda-forge",),
        platforms=platforms or (runner_platform(),),
        now=session.now(),
    )
    session.reporter.result(
        "namespace-create",
        {"namespace": name, "repository": str(path)},
        [f"made the namespace `{name}` in {path}"],
    )
    session.next(f"git clone {path}")


@command.command("add", short_help="Take a repository that is there as a namespace.")
@click.argument("name")
@click.argument("repository", type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def add(session: Session, name: str, repository: Path) -> None:
    """Take an existing git repository on this machine as a namespace."""
    from gitstore.stores import add_namespace

    add_namespace(session.store(), name, repository, now=session.now())
    session.reporter.result(
        "namespace-add",
        {"namespace": name, "repository": str(repository)},
        [f"added the namespace `{name}`"],
    )
    session.next(f"gitstore check {name}")


@command.command("list", short_help="List the namespaces.")
@common_options
@click.pass_obj
def list_(session: Session) -> None:
    """List the namespaces of the store."""
    store = session.store()
    entries = store.settings.namespaces
    session.reporter.result(
        "namespace-list",
        [
            {"name": entry.name, "path": entry.path, "visibility": entry.visibility}
            for entry in entries
        ],
        columns([(entry.name, entry.visibility, entry.path) for entry in entries], indent="")
        or ["no namespaces yet"],
    )
    if not entries:
        session.next("gitstore namespace create NAME")


@command.command("remove", short_help="Take a namespace out of the store.")
@click.argument("name")
@common_options
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Take a namespace out of the store. Its repository and artifacts stay where they are."""
    from gitstore.stores import remove_namespace

    store = session.store()
    path = remove_namespace(store, name, now=session.now())
    session.reporter.result(
        "namespace-remove",
        {"namespace": name, "repository": str(path)},
        [f"took `{name}` out of the store; its repository stays in {path}"],
    )
    session.next(f"gitstore namespace add {name} {path}  # brings it back")
