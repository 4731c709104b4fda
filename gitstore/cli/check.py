"""``gitstore check``."""

from __future__ import annotations

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session
from gitstore.errors import EXIT_DONE, SpecError
from gitstore.model.problems import errors_of
from gitstore.output import count


@click.command("check", short_help="Find every problem of specs and settings.")
@click.argument("what", nargs=-1, metavar="[PATH | NAMESPACE]...")
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...]) -> None:
    """Find every problem of specs and settings: file, line, what is wrong, what to write instead.

    Looks at folders, files and namespaces; without a name, at every namespace of the store, or
    else at this folder. Needs no store. Exits with 10 where a problem is an error.
    """
    from gitstore.cli.folders import subjects_of

    session: Session = ctx.obj
    subjects = subjects_of(session, what)
    problems = [problem for subject in subjects for problem in subject.problems()]
    checked = sum(subject.environments for subject in subjects)
    errors = errors_of(problems)
    advice = len(problems) - len(errors)
    words = (
        f"{count(checked, 'environment')} checked: {count(len(errors), 'error')}, "
        f"{count(advice, 'warning')}"
    )
    session.reporter.result(
        "check",
        {"environments": checked, "errors": len(errors), "warnings": advice},
        [words],
        problems=problems,
        list_problems=True,
        ok=not errors,
    )
    again = " ".join(("check" if errors else "preview", *what))
    session.next(f"correct the files, then `gitstore {again}`" if errors else f"gitstore {again}")
    ctx.exit(SpecError.exit_code if errors else EXIT_DONE)
