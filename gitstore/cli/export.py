"""``gitstore export``."""

from __future__ import annotations

from pathlib import Path

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session
from gitstore.errors import EXIT_DONE, GitstoreError, UsageError
from gitstore.files import write_file
from gitstore.formats.exports import FORMATS, export_lock
from gitstore.formats.read import read_lock
from gitstore.model.lockfile import Lockfile


@click.command("export", short_help="Write a lockfile for another tool.")
@click.argument("what", metavar="NAMESPACE/ENVIRONMENT | FILE")
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), required=True, help="As what.")
@click.option("--platform", help="The platform, where the format holds one. [the lockfile's only]")
@click.option("--environment", help="Which environment of a pixi.lock. [default]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file. [stdout]")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    what: str,
    *,
    kind: str,
    platform: str | None,
    environment: str | None,
    output: Path | None,
) -> None:
    """Write a lockfile for another tool, from the lockfile alone: nothing is solved or installed.

    Takes an environment of a namespace, or a file: a conda-lock.yml, a pixi.lock or an explicit
    list. `explicit` is for conda and micromamba, `environment` pins an environment.yml, `pixi` is
    a pixi.lock, `pylock` and `requirements` hold the PyPI half.
    """
    session: Session = ctx.obj
    lock, name = _lock(session, what, environment)
    text = export_lock(lock, kind, platform=platform, name=name)
    result = {"format": kind, "platforms": list(lock.platforms), "text": text}
    if output is not None:
        write_file(output, text.encode())
        result = {**result, "text": "", "file": str(output)}
    lines = [f"wrote {output}"] if output is not None else text.splitlines()
    session.reporter.result("export", result, lines)
    ctx.exit(EXIT_DONE)


def _lock(session: Session, what: str, environment: str | None) -> tuple[Lockfile, str]:
    path = Path(what)
    if path.is_file():
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise GitstoreError(f"the file cannot be read: {exc.strerror}", where=what) from exc
        return read_lock(data, where=what, environment=environment), path.parent.name or "exported"
    namespace, _, name = what.partition("/")
    if not name:
        raise UsageError(
            f"`{what}` is neither a file nor an environment",
            hint="name one as NAMESPACE/ENVIRONMENT",
        )
    return _committed(session, namespace, name), name


def _committed(session: Session, namespace: str, name: str) -> Lockfile:
    from gitstore.pipeline.run import check_selected, load_head

    store = session.store()
    with session.ports(store, store.entry(namespace)) as ports:
        tree = load_head(ports)
        check_selected(tree, frozenset({name}))
        environment = tree.by_name()[name]
        if environment.lock is None:
            hint = f"gitstore lock {namespace}/{name}"
            raise UsageError(f"`{namespace}/{name}` has no lockfile yet", hint=hint)
        data = ports.repository.read(environment.lock.oid)
        return read_lock(data, where=environment.lock_path)
