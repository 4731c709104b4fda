"""The command line: click turns argv into values and calls one function.

Commands load when they are called, so that ``gitstore --help`` stays instant.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from gitstore import __version__
from gitstore.cli.options import common_options
from gitstore.cli.session import Session

# Name → module and short help; a test compares the help with the command's own.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("gitstore.cli.init", "Make a store."),
    "namespace": ("gitstore.cli.namespace", "Make, add, list and remove namespaces."),
    "check": ("gitstore.cli.check", "Find every problem of specs and settings."),
    "plan": ("gitstore.cli.plan", "Show what apply would do and why, instantly."),
    "preview": ("gitstore.cli.preview", "Solve, and show which packages would change."),
    "lock": ("gitstore.cli.lock", "Lock without building; update packages on request."),
    "apply": ("gitstore.cli.apply", "Lock, build and publish what git asks for."),
    "status": ("gitstore.cli.status", "Show every environment and how it is."),
    "export": ("gitstore.cli.export", "Write a lockfile for another tool."),
    "site": ("gitstore.cli.site", "Build the catalogue, a static site."),
    "demo": ("gitstore.cli.demo", "Show it all on real packages, in a folder of its own."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that load on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            from gitstore.model.problems import nearest

            near = nearest(args[0], COMMANDS) if args else None
            if near:
                raise click.UsageError(f"{exc.message} Did you mean `{near}`?", ctx=ctx) from exc
            raise


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gitstore")
@common_options
@click.pass_context
def cli(ctx: click.Context, /, **_: Any) -> None:
    """Git is the database of your team's conda environments.

    A namespace is a git repository of environment specs. gitstore solves them, commits the
    lockfiles, builds and publishes the environments, and shows them on a static site.
    """
    ctx.ensure_object(Session)
    if ctx.invoked_subcommand is None:
        from gitstore.cli.home import show_home

        ctx.exit(show_home(ctx.obj))
