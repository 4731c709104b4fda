"""Edits of a spec that would make it solvable, and how they look as a patch."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecEdit:
    """One change of a spec: the dependency ``old`` becomes ``new``, or goes where that is None.

    With ``virtual``, a ``(platform, name, version)``, it is an assumption that is added instead.
    ``gives`` says what came out when it was tried, such as ``numpy 2.4.6``.
    """

    old: str = ""
    new: str | None = None
    virtual: tuple[str, str, str] | None = None
    gives: str = ""

    @property
    def words(self) -> str:
        if self.virtual is not None:
            platform, name, version = self.virtual
            return f"assume `{name}` {version} on {platform} (`gitstore: {{virtual-packages: …}}`)"
        came = f" (gives {self.gives})" if self.gives else ""
        if self.new is None:
            return f"leave out `{self.old}`{came}"
        return f"write `{self.new}` instead of `{self.old}`{came}"


def patch_of(text: str, edits: Sequence[SpecEdit], *, path: str) -> str:
    """Return a unified diff that makes the edits in a spec's text; empty where one does not fit."""
    lines = text.splitlines(keepends=True)
    after = list(lines)
    for edit in edits:
        edited = _edited(after, edit)
        if edited is None:
            return ""
        after = edited
    return "".join(difflib.unified_diff(lines, after, f"a/{path}", f"b/{path}", n=2))


def _edited(lines: list[str], edit: SpecEdit) -> list[str] | None:
    if edit.virtual is not None:
        return _with_virtual(lines, edit.virtual)
    for number, line in enumerate(lines):
        head, dash, rest = line.partition("- ")
        bare = rest.split("  #")[0].strip().strip("\"'")
        if dash and not head.strip() and bare == edit.old:
            new = [] if edit.new is None else [line.replace(edit.old, edit.new, 1)]
            return [*lines[:number], *new, *lines[number + 1 :]]
    return None


def _with_virtual(lines: list[str], virtual: tuple[str, str, str]) -> list[str] | None:
    if any("virtual-packages" in line for line in lines):
        return None  # two mappings would have to be joined: a person does that better
    platform, name, version = virtual
    added = ["  virtual-packages:\n", f'    {platform}: {{{name}: "{version}"}}\n']
    for number, line in enumerate(lines):
        if line.rstrip() == "gitstore:":
            return [*lines[: number + 1], *added, *lines[number + 1 :]]
    if lines and not lines[-1].endswith("\n"):
        lines = [*lines[:-1], lines[-1] + "\n"]
    return [*lines, "gitstore:\n", *added]
