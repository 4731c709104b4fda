"""``gitstore demo``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session, runner_platform
from gitstore.errors import UsageError


@click.command("demo", short_help="Show it all on real packages, in a folder of its own.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="[DIR]", default="gitstore-demo")
@click.option("--channel", metavar="URL", help="The channel to use. [conda-forge, or a made one]")
@common_options
@click.pass_obj
def command(session: Session, folder: Path, channel: str | None) -> None:
    """Show it all on real packages: make a store, lock, build, edit, unpack, browse.

    Uses conda-forge; where that cannot be reached, a small real channel is made of this
    machine's Python and libraries from PyPI. Nothing is written outside DIR.
    """
    try:
        from gitstore.demo.tour import Tour
    except ImportError as exc:
        raise UsageError(
            f"the demo needs a library that is not installed: {exc.name}",
            hint="install it with its extra: conda-gitstore[demo]",
        ) from exc
    started = time.monotonic()
    root = folder.resolve()
    reporter = session.reporter
    # What the steps write beside the store would otherwise go to the user's own folders.
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "GIT_TERMINAL_PROMPT": "0"}
    environ.pop("GITSTORE_STORE", None)
    tour = Tour(
        root=root,
        platform=runner_platform(),
        environ=environ,
        say=reporter.note,
        as_json=session.as_json,
    )
    tour.run(channel)
    seconds = time.monotonic() - started
    reporter.note("")
    reporter.result(
        "demo",
        {"folder": str(root), "seconds": round(seconds, 1), "steps": tour.steps},
        [
            f"all done in {seconds:.0f} s; everything is in {root}",
            f"  the site:         {root / 'site' / 'index.html'}",
            f"  your clone:       {tour.clone}",
            f"  the store:        {tour.store}",
        ],
    )
    session.next(f"cd {tour.clone}, edit a spec, git push, gitstore --store {tour.store} apply")
