"""The error boundary: every way that a command can end becomes an exit code and a few lines."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from gitstore import __version__
from gitstore.cli import COMMANDS, cli
from gitstore.cli.session import Session
from gitstore.errors import EXIT_INTERRUPTED, BugError, GitstoreError, StoppedError, UsageError
from gitstore.model.channels import redact

_LIBRARIES = ("py-rattler", "pygit2", "click", "pyyaml", "zstandard")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    session = Session()
    session.command = next((word for word in arguments if word in COMMANDS), "gitstore")
    # An error before the options are read is shown in the form that they ask for.
    session.as_json = "--json" in arguments
    try:
        result = cli.main(
            args=list(arguments), prog_name="gitstore", standalone_mode=False, obj=session
        )
    except GitstoreError as exc:
        return _end(session, exc)
    except click.UsageError as exc:
        return _usage(session, exc)
    except click.ClickException as exc:
        return _end(session, UsageError(exc.format_message()))
    except (click.Abort, KeyboardInterrupt):
        hint = "run the same command again; nothing is lost"
        return _end(session, StoppedError("interrupted", hint=hint))
    except BrokenPipeError:
        return EXIT_INTERRUPTED
    except Exception as exc:  # noqa: BLE001  a bug: one line for the person, the rest in a file
        return _end(session, _bug(session, exc))
    return result if isinstance(result, int) else 0


def _end(session: Session, error: GitstoreError) -> int:
    session.reporter.error(session.command, error)
    return error.exit_code


def _usage(session: Session, exc: click.UsageError) -> int:
    hint = f"`{exc.ctx.command_path} --help` shows how" if exc.ctx else None
    return _end(session, UsageError(exc.format_message(), hint=hint))


def _bug(session: Session, exc: Exception) -> GitstoreError:
    if not _here():
        return UsageError("the current folder is gone", hint="`cd` to one that is there")
    log = _write_log(session, exc)
    said = next(iter(str(exc).splitlines()), "")
    return BugError(
        f"this is a bug in gitstore: {type(exc).__name__}: {said}", hint=f"report it with {log}"
    )


def _here() -> bool:
    """Say whether the current folder is still there; without one nothing can work."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _write_log(session: Session, exc: Exception) -> Path:
    lines = [
        f"gitstore {__version__} ({session.command})",
        f"Python {sys.version}",
        f"{platform.platform()}",
        *(f"{name} {_version_of(name)}" for name in _LIBRARIES),
        "",
        *traceback.format_exception(exc),
    ]
    with tempfile.NamedTemporaryFile(
        "w", prefix="gitstore-bug-", suffix=".log", delete=False, encoding="utf-8"
    ) as stream:
        stream.write(redact("\n".join(lines)))
    return Path(stream.name)


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
