"""``gitstore preview``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitstore.cli.namespaces import one_environment
from gitstore.cli.options import common_options
from gitstore.cli.session import Session, runner_platform
from gitstore.cli.text import preview_lines
from gitstore.errors import EXIT_DONE, EXIT_SOME_FAILED
from gitstore.model.rules import Rules
from gitstore.pipeline.preview import Preview

if TYPE_CHECKING:
    from gitstore.model.environment import SpecTree
    from gitstore.wiring import Store


@click.command("preview", short_help="Solve, and show which packages would change.")
@click.argument("what", nargs=-1, metavar="[PATH | NAMESPACE[/ENVIRONMENT]]...")
@click.option(
    "--strategy",
    type=click.Choice(["highest", "lowest", "lowest-direct"]),
    default="highest",
    show_default=True,
    help="Which versions to prefer; the lowest ones test the bounds of a spec.",
)
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...], *, strategy: str) -> None:
    """Solve, and show which packages would change. Nothing is written, built or committed.

    Looks at folders, files and namespaces, as `check` does; a folder needs no store, and its
    files need not be committed. Only what changed since its lockfile is solved.
    """
    from gitstore.cli.folders import subjects_of
    from gitstore.pipeline.preview import PreviewRequest, make_previews
    from gitstore.wiring import running_executor

    session: Session = ctx.obj
    store = session.store() if session.find_store() else None
    cache: Path = store.cache if store else session.cache_folder()
    settings = store.settings if store else None
    subjects = subjects_of(session, what)
    found: list[tuple[str, list[Preview]]] = []
    workers, memory = (settings.workers, settings.memory) if settings else (None, None)
    with running_executor(workers, memory=memory) as executor:
        for subject in subjects:
            request = PreviewRequest(
                source=subject.source,
                tree=subject.tree,
                executor=executor,
                cache=cache,
                runner_platform=runner_platform(),
                rules=_rules(store, subject.tree),
                network=session.network(settings),
                timeout=settings.solve_timeout if settings else 600.0,
                selected=subject.selected,
                history=subject.history,
                now=session.now(),
                strategy=strategy,
            )
            found.append((subject.tree.namespace, make_previews(request)))
    problems = [problem for subject in subjects for problem in subject.problems()]
    every = [preview for _, previews in found for preview in previews]
    bad = any(preview.status in ("failed", "spec-invalid") for preview in every)
    reporter = session.reporter
    reporter.result(
        "preview",
        [
            {"namespace": name, "environments": [preview.to_dict() for preview in previews]}
            for name, previews in found
        ],
        preview_lines(found, reporter),
        problems=problems,
        list_problems=True,
        ok=not bad,
    )
    session.next(_next(every, has_store=store is not None))
    code = EXIT_SOME_FAILED if bad else EXIT_DONE
    if one_environment(what) and every and every[0].error is not None:
        code = every[0].error.exit_code
    ctx.exit(code)


def _rules(store: Store | None, tree: SpecTree) -> Rules:
    rules = store.rules(store.settings.namespace(tree.namespace)) if store else Rules()
    return rules.and_namespace(tree.settings)


def _next(previews: list[Preview], *, has_store: bool) -> str:
    if any(preview.status in ("failed", "spec-invalid") for preview in previews):
        return "correct the spec, then preview again"
    if not has_store:
        return "gitstore init lab"
    changed = any(preview.status in ("new", "changed") for preview in previews)
    return "commit and push, then `gitstore apply`" if changed else "gitstore status"
