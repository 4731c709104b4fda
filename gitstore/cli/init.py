"""``gitstore init``."""

from __future__ import annotations

from pathlib import Path

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session


@click.command("init", short_help="Make a store.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="STORE")
@click.option("--name", help="The store's name. Without it, the folder's.")
@common_options
@click.pass_obj
def command(session: Session, folder: Path, name: str | None) -> None:
    """Make a store: a folder with a store.yml, itself a git repository.

    Beside store.yml, and ignored by git, lie the namespaces' repositories, the artifacts, the
    cache and the site. Nothing else is installed, and no server runs.
    """
    from gitstore.stores import create_store

    root = create_store(folder, name=name or folder.resolve().name, now=session.now())
    session.reporter.result(
        "init", {"store": str(root)}, [f"made the store `{root.name}` in {root}"]
    )
    session.next(f"gitstore --store {folder} namespace create NAME")
