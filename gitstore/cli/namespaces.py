"""Do one thing for each namespace that was named; one that cannot be done is a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from gitstore.errors import GitstoreError
from gitstore.model.report import error_dict

if TYPE_CHECKING:
    from gitstore.model.settings import NamespaceEntry
    from gitstore.wiring import Store

_T = TypeVar("_T")
Errors = list[tuple[str, GitstoreError]]


def select(store: Store, what: Sequence[str]) -> list[tuple[NamespaceEntry, frozenset[str] | None]]:
    """Turn ``NAMESPACE[/ENVIRONMENT]`` arguments into namespaces, each with its environments.

    Nothing named means everything; None stands for all environments of a namespace.
    """
    if not what:
        return [(entry, None) for entry in store.settings.namespaces]
    chosen: dict[str, set[str] | None] = {}
    for text in what:
        name, _, environment = text.partition("/")
        known = chosen.setdefault(name, set())
        if not environment:
            chosen[name] = None
        elif known is not None:
            known.add(environment)
    return [
        (store.entry(name), frozenset(names) if names is not None else None)
        for name, names in chosen.items()
    ]


def each_namespace(
    store: Store,
    what: Sequence[str],
    action: Callable[[NamespaceEntry, frozenset[str] | None], _T],
) -> tuple[list[_T], Errors]:
    """Call ``action`` for each namespace; return what it gave, and the errors by namespace.

    Raises:
        GitstoreError: there was but one namespace to do.
    """
    chosen = select(store, what)
    results: list[_T] = []
    errors: Errors = []
    for entry, selected in chosen:
        try:
            results.append(action(entry, selected))
        except GitstoreError as exc:
            if len(chosen) == 1:
                raise
            errors.append((entry.name, exc))
    return results, errors


def error_results(errors: Errors) -> list[dict[str, Any]]:
    """Return the namespaces that failed, as results have them."""
    return [{"namespace": name, "error": error_dict(error)} for name, error in errors]


def one_environment(what: Sequence[str]) -> bool:
    """Say whether the command was about a single environment, whose error is the command's."""
    return len(what) == 1 and "/" in what[0]
