"""The page of commands, from click's own objects."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import gitstore.cli
from docs.generator.words import Words, table
from gitstore.cli import COMMANDS, cli

_VARIABLE = re.compile(r'environ(?:\.get\(|\[)\s*"(\w+)"')
_TYPE_WORDS = {"path": "a path", "integer": "a whole number", "float": "a number"}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, groups before what is in them."""
    yield "gitstore", cli
    for name, (module, _) in COMMANDS.items():
        yield from _with_subcommands(f"gitstore {name}", importlib.import_module(module).command)


def _with_subcommands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for short, below in command.commands.items():
            yield from _with_subcommands(f"{name} {short}", below)


def options_of(command: click.Command) -> list[click.Option]:
    """Return a command's options, ``--help`` among them."""
    context = click.Context(command, **cli.context_settings)
    found = command.get_params(context)
    return [param for param in found if isinstance(param, click.Option) and not param.hidden]


def environment_variables() -> list[str]:
    """Return the environment variables that the command line reads."""
    sources = sorted(Path(str(gitstore.cli.__file__)).parent.glob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in sources]
    return sorted({name for text in texts for name in _VARIABLE.findall(text)})


def commands_page(words: Words) -> str:
    """Return the page of commands."""
    shared = [option for option in options_of(cli) if option.name != "version"]
    variables = [
        [f"`{name}`", words.take("environment-variables", name)] for name in environment_variables()
    ]
    lines = [
        *("# Commands", "", words.take("pages", "commands"), ""),
        *("## Options of every command", "", words.take("pages", "shared options"), ""),
        *_option_table(shared),
        *("", "## Environment variables", ""),
        *table(["Variable", "Meaning"], variables),
    ]
    names = {str(option.name) for option in shared}
    for name, command in commands():
        if command is not cli:
            lines += ["", *_command_section(name, command, names)]
    return "\n".join(lines)


def _command_section(name: str, command: click.Command, shared: set[str]) -> list[str]:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    own = [option for option in options_of(command) if option.name not in shared]
    usage = [name, *(["[OPTIONS]"] if own else []), *map(_argument_name, arguments)]
    if isinstance(command, click.Group):
        usage.append("COMMAND")
    lines = [f"## {name}", "", "```text", " ".join(usage), "```", "", *_help_lines(command)]
    if arguments:
        rows = [[f"`{_argument_name(a)}`", _value_words(a.type), _how_many(a)] for a in arguments]
        lines += ["", *table(["Argument", "Takes", "How many"], rows)]
    if own:
        lines += ["", *_option_table(own)]
    return lines


def _help_lines(command: click.Command) -> list[str]:
    r"""Return a command's help as Markdown; a paragraph after ``\b`` keeps its lines."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(command.help or command.short_help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            lines += ["```text", *paragraph.splitlines()[1:], "```", ""]
        else:
            lines += [*paragraph.splitlines(), ""]
    return lines[:-1]


def _argument_name(argument: click.Argument) -> str:
    return argument.metavar or str(argument.name).upper()


def _how_many(argument: click.Argument) -> str:
    if argument.nargs == -1:
        return "one or more" if argument.required else "any number"
    return f"{argument.nargs}" if argument.required else f"{argument.nargs} or none"


def _option_table(options: list[click.Option]) -> list[str]:
    rows = []
    for option in options:
        names = ", ".join(f"`{text}`" for text in (*option.opts, *option.secondary_opts))
        takes = "" if option.is_flag or option.count else _value_words(option.type)
        rows.append(
            [names, takes + ("; may be repeated" if option.multiple else ""), option.help or ""]
        )
    return table(["Option", "Takes", "Meaning"], rows)


def _value_words(kind: Any) -> str:
    if isinstance(kind, click.Choice):
        return " or ".join(f"`{choice}`" for choice in kind.choices)
    if isinstance(kind, click.IntRange):
        return f"a whole number from {kind.min} to {kind.max}"
    return _TYPE_WORDS.get(kind.name, "text")
