"""``gitstore check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitstore.cli.options import common_options
from gitstore.cli.session import Session
from gitstore.errors import EXIT_DONE, SpecError, UsageError
from gitstore.files import write_file
from gitstore.model.fixes import apply_fixes
from gitstore.model.problems import Problem, errors_of
from gitstore.output import count

if TYPE_CHECKING:
    from gitstore.cli.folders import Subject


@click.command("check", short_help="Find every problem of specs and settings.")
@click.argument("what", nargs=-1, metavar="[PATH | NAMESPACE]...")
@click.option(
    "--fix", is_flag=True, help="Make the edits that are sure; only in folders and files."
)
@common_options
@click.pass_context
def command(ctx: click.Context, what: tuple[str, ...], *, fix: bool) -> None:
    """Find every problem of specs and settings: file, line, what is wrong, what to write instead.

    Looks at folders, files and namespaces; without a name, at every namespace of the store, or
    else at this folder. Needs no store. Exits with 10 where a problem is an error.
    """
    from gitstore.cli.folders import subjects_of

    session: Session = ctx.obj
    subjects = subjects_of(session, what)
    edits = sum(_mend(session, subject) for subject in subjects) if fix else 0
    if edits:
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
    session.next(_next(subjects, problems, what))
    ctx.exit(SpecError.exit_code if errors else EXIT_DONE)


def _next(subjects: list[Subject], problems: list[Problem], what: tuple[str, ...]) -> str:
    errors = errors_of(problems)
    on_disk = all(subject.root is not None for subject in subjects)
    if on_disk and any(problem.fixes for problem in errors or problems):
        return " ".join(("gitstore check --fix", *what))
    if errors:
        return f"correct the files, then `{' '.join(('gitstore check', *what))}`"
    return " ".join(("gitstore preview", *what))


def _mend(session: Session, subject: Subject) -> int:
    """Make the edits of a subject's problems in its files; return how many were made."""
    if subject.root is None:
        raise UsageError(
            f"the files of namespace `{subject.tree.namespace}` lie in git",
            hint="clone it, and `gitstore check --fix` there",
        )
    wanted: dict[Path, list[Problem]] = {}
    for problem in subject.problems():
        file = subject.root / problem.file
        # Somebody's link may lead anywhere; what is not a plain file is left alone.
        if problem.fixes and file.is_file() and not file.is_symlink():
            wanted.setdefault(file, []).append(problem)
    total = 0
    for file, problems in wanted.items():
        text = file.read_bytes().decode("utf-8")
        fixes = [fix for problem in problems for fix in problem.fixes]
        mended, done = apply_fixes(text, fixes)
        if done:
            mode = file.stat().st_mode
            write_file(file, mended.encode("utf-8"))
            file.chmod(mode)
            session.reporter.note(f"{file}: {count(done, 'edit')} made")
        total += done
    return total
