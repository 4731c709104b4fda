"""``gitstore site``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session
from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED, GitstoreError
from gitstore.output import columns, count

if TYPE_CHECKING:
    from gitstore.pipeline.ports import Repository
    from gitstore.site.catalogue import Catalogue, Environment, Namespace


@click.group("site", short_help="Build the catalogue, a static site.")
def command() -> None:
    """Build the catalogue: a static site of every environment, with nothing behind it to run."""


@command.command("build", short_help="Build the site into a folder.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--public", is_flag=True, help="Only namespaces with `visibility: public`.")
@click.option(
    "--with-artifacts",
    is_flag=True,
    help="Put the artifacts into DIR too, so that DIR alone can be served or copied.",
)
@common_options
@click.pass_context
def build(ctx: click.Context, folder: Path, *, public: bool, with_artifacts: bool) -> None:
    """Build the site into DIR, in the place of the one before.

    It shows every namespace of the store, or with `--public` those that everybody may see. Pages
    need no server and ask nobody else for anything. A DIR that holds other things is refused.
    """
    from gitstore.site.catalogue import make_catalogue, visible_entries
    from gitstore.site.folder import check_site_folder
    from gitstore.site.gather import gather_namespace, unreadable_namespace
    from gitstore.site.render import write_site

    session: Session = ctx.obj
    store = session.store()
    check_site_folder(folder.resolve())
    namespaces: list[Namespace] = []
    repositories: dict[str, Repository] = {}
    errors: list[GitstoreError] = []
    with ExitStack() as stack:
        for entry in visible_entries(store.settings.namespaces, public=public):
            memo = store.memo(f"{entry.name}-site")
            try:
                ports = stack.enter_context(session.ports(store, entry))
                found = gather_namespace(ports, visibility=entry.visibility, memo=memo)
            except GitstoreError as exc:
                errors.append(exc)
                namespaces.append(unreadable_namespace(entry, exc))
                continue
            ports.memo.save()
            memo.save()
            namespaces.append(found)
            repositories[entry.name] = ports.repository
        catalogue = make_catalogue(
            namespaces,
            store=store.settings.name,
            title=store.settings.site_title,
            base_url=store.settings.site_base_url,
            public=public,
        )

        def read_lock(environment: Environment) -> bytes:
            return repositories[environment.namespace].read(environment.lock or "")

        write_site(
            catalogue,
            folder,
            read_lock=read_lock,
            run_name=session.run_name,
            with_artifacts=with_artifacts,
        )
    _show(session, catalogue, folder.resolve() / "index.html", errors)
    ctx.exit(EXIT_SOME_FAILED if errors else EXIT_DONE)


def _show(session: Session, catalogue: Catalogue, index: Path, errors: list[GitstoreError]) -> None:
    from gitstore.site.catalogue import STATES

    states = catalogue.count_states()
    environments = count(len(catalogue.environments), "environment")
    namespaces = count(len(catalogue.namespaces), "namespace")
    session.reporter.result(
        "site-build",
        {
            "folder": str(index.parent),
            "index": str(index),
            "public": catalogue.public,
            "namespaces": len(catalogue.namespaces),
            "environments": len(catalogue.environments),
            "states": states,
            "unreadable": [error.message for error in errors],
        },
        [
            f"{environments} of {namespaces} in {index.parent}",
            *columns(
                [(f"{number:,}", STATES[state][0].lower()) for state, number in states.items()]
            ),
        ],
        ok=not errors,
    )
    for error in errors:
        for line in session.reporter.error_lines(error):
            session.reporter.note(line)
    session.next(f"{'open' if sys.platform == 'darwin' else 'xdg-open'} {index}")
