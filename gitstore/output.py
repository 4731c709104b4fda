"""The one place that prints: results on stdout, everything else on stderr, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from gitstore.errors import GitstoreError, SpecError
from gitstore.model.channels import redact
from gitstore.model.event import Event
from gitstore.model.problems import Problem
from gitstore.model.report import error_dict

_STYLES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_LEVELS = {"error": "red", "done": "green", "warning": "yellow"}
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Shows what commands find and do. Data goes to ``out``, all else to ``err``."""

    out: TextIO
    err: TextIO
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False
    colour: bool = False

    def result(
        self,
        command: str,
        value: Any,
        lines: Iterable[str],
        *,
        problems: Sequence[Problem] = (),
        list_problems: bool = False,
        ok: bool = True,
    ) -> None:
        """Show what a command found, once: ``value`` as JSON, or ``lines`` as text.

        Problems are always in the JSON; as text only where the command is about them.
        """
        if self.as_json:
            self._envelope(command, value, problems, None, ok=ok)
            return
        if list_problems:
            self.problems(problems)
        for line in lines:
            self._print(self.out, line)

    def problems(self, problems: Sequence[Problem]) -> None:
        """List findings as editors understand them, errors first; ``-v`` lists them all."""
        ordered = sorted(problems, key=lambda p: (not p.is_error, p.file, p.line, p.column))
        shown = ordered if self.verbose else ordered[:_SHOWN]
        for problem in shown:
            colour = "red" if problem.is_error else "yellow"
            mark = self.style(problem.severity, colour)
            self._print(
                self.err, f"{problem.place or '-'}: {mark}: {problem.message} [{problem.code}]"
            )
            if problem.hint:
                self._print(self.err, f"    {self.style('hint:', 'dim')} {problem.hint}")
        if len(shown) < len(ordered):
            self._print(self.err, f"… and {len(ordered) - len(shown)} more; `-v` shows all")

    def event(self, event: Event) -> None:
        """Show progress as it happens."""
        if self.quiet or self.as_json:
            return
        place = "/".join(part for part in (event.namespace, event.environment) if part)
        text = (
            self.style(event.text, _LEVELS[event.level]) if event.level in _LEVELS else event.text
        )
        first, *rest = text.splitlines() or [""]
        more = f" {self.style('…', 'dim')}" if rest and not self.verbose else ""
        self._print(self.err, f"{self.style(place, 'bold')}: {first}{more}")
        for line in rest if self.verbose else ():
            self._print(self.err, f"    {line}")

    def note(self, text: str) -> None:
        """Say something that is no result."""
        if not self.quiet and not self.as_json:
            self._print(self.err, text)

    def next(self, command: str) -> None:
        """Say what to type next."""
        if not self.quiet and not self.as_json:
            self._print(self.err, f"{self.style('next:', 'dim')} {command}")

    def error(self, command: str, error: GitstoreError) -> None:
        """Say what went wrong, where, and what to do."""
        problems = error.problems if isinstance(error, SpecError) else ()
        if self.as_json:
            self._envelope(command, None, problems, error, ok=False)
            return
        self.problems(problems)
        for line in self.error_lines(error):
            self._print(self.err, line)

    def failure(self, place: str, error: GitstoreError) -> None:
        """Explain one failed item of many, also when quiet."""
        if self.as_json:
            return
        for line in ("", f"{self.style(place, 'bold')}:", *self.error_lines(error)):
            self._print(self.err, line)

    def error_lines(self, error: GitstoreError) -> list[str]:
        """Return an error as lines; a long explanation is cut to its first ones without ``-v``."""
        first, *rest = error.message.splitlines() or [""]
        lines = [f"{self.style('error:', 'red')} {first}"]
        shown = rest if self.verbose else rest[:12]
        lines += [f"  {line}" for line in shown]
        if len(shown) < len(rest):
            lines.append(f"  … {len(rest) - len(shown)} more lines; `-v` shows them")
        if error.where:
            lines.append(f"  {self.style('where:', 'dim')} {error.where}")
        if error.log and self.verbose:
            lines += ["  log:", *(f"    {line}" for line in error.log.splitlines())]
        if error.patch:
            lines += ["", *(f"  {line}" for line in error.patch.splitlines())]
        if error.hint:
            lines += ["", f"{self.style('hint:', 'dim')} {error.hint}"]
        return lines

    def style(self, text: str, *names: str) -> str:
        """Colour a text where the terminal shows colours."""
        if not self.colour:
            return text
        codes = ";".join(_STYLES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def _envelope(
        self,
        command: str,
        value: Any,
        problems: Sequence[Problem],
        error: GitstoreError | None,
        *,
        ok: bool,
    ) -> None:
        envelope = {
            "schema": f"gitstore/{command}/v1",
            "ok": ok,
            "result": value,
            "problems": [problem.to_dict() for problem in problems],
            "error": error_dict(error) if error else None,
        }
        self._print(self.out, json.dumps(envelope, ensure_ascii=False))

    def _print(self, stream: TextIO, text: str) -> None:
        # What strangers write must not steer a terminal, and no URL may show a secret.
        safe = "".join(
            c if c.isprintable() or c in "\n\x1b" else "\N{REPLACEMENT CHARACTER}" for c in text
        )
        if not self.colour:
            safe = safe.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
        stream.write(redact(safe) + "\n")
        stream.flush()


def count(number: int, noun: str) -> str:
    """Say how many: ``1 error``, ``2 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Lay rows out in columns; the last one runs free."""
    if not rows:
        return []
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    return [
        (
            indent + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]])
        ).rstrip()
        for row in rows
    ]
