"""Options and arguments that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gitstore.cli.session import Session

_F = TypeVar("_F", bound=Callable[..., Any])


def _into_session(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def take(ctx: click.Context, _: click.Parameter, value: Any) -> Any:
        session = ctx.ensure_object(Session)
        if value:
            setattr(session, name, value)
        return value

    return take


def common_options(function: _F) -> _F:
    """Add the options that stand before or after the verb."""
    options = (
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            help="The store's folder. Without it, the nearest one above here, or GITSTORE_STORE.",
            expose_value=False,
            callback=_into_session("store_option"),
        ),
        click.option(
            "--json",
            is_flag=True,
            help="Print one JSON object on stdout.",
            expose_value=False,
            callback=_into_session("as_json"),
        ),
        click.option(
            "--offline",
            is_flag=True,
            help="Use what the cache holds of channels, and ask nobody.",
            expose_value=False,
            callback=_into_session("offline"),
        ),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Show everything there is to say.",
            expose_value=False,
            callback=_into_session("verbose"),
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            help="Show results and errors only.",
            expose_value=False,
            callback=_into_session("quiet"),
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def what_argument(function: _F) -> _F:
    """Add the argument that names namespaces and environments."""
    return click.argument("what", nargs=-1, metavar="[NAMESPACE[/ENVIRONMENT]]...")(function)
