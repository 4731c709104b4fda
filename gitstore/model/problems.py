"""Findings about files that people wrote: where, what is wrong, what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from gitstore.model.codes import PROBLEMS, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """An edit that mends a problem: in ``line``, ``old`` becomes ``new``; None drops the line."""

    line: int
    old: str
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One finding. ``line`` and ``column`` count from 1; 0 means that there is no place to name.

    ``key`` is the path of keys inside the file, such as ``dependencies[3]``; ``fixes`` are edits
    of that file after which the problem is gone.
    """

    code: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    fixes: tuple[Fix, ...] = ()

    @property
    def severity(self) -> Severity:
        return PROBLEMS[self.code].severity

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    @property
    def place(self) -> str:
        """``file:line:column`` as editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def at_file(self, file: str) -> Problem:
        return replace(self, file=file)

    def to_dict(self) -> dict[str, Any]:
        data = {**asdict(self), "severity": self.severity}
        data["fixes"] = [asdict(fix) for fix in self.fixes]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Problem:
        fields = {key: value for key, value in data.items() if key not in ("severity", "fixes")}
        return cls(**fields, fixes=tuple(Fix(**fix) for fix in data.get("fixes", ())))


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stop an environment, leaving out advice."""
    return [problem for problem in problems if problem.is_error]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that ``word`` is probably a misspelling of."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.75)
    return found[0] if found else None
