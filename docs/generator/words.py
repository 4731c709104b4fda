"""What the reference says and the code does not: ``words.yml``, each text of it needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class WordsError(Exception):
    """A text is missing in ``words.yml``, or one there belongs to nothing any more."""


def read_words() -> dict[str, Any]:
    """Read ``words.yml``."""
    text = Path(__file__).with_name("words.yml").read_text(encoding="utf-8")
    words: dict[str, Any] = yaml.safe_load(text)
    return words


class Words:
    """Hands out texts by their path of keys, and notes which were asked for."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._texts = {path: str(text).strip() for path, text in _leaves(data)}
        self._taken: set[tuple[str, ...]] = set()

    def take(self, *path: str) -> str:
        """Return one text.

        Raises:
            WordsError: it is missing.
        """
        if path not in self._texts:
            raise WordsError(f"docs/generator/words.yml says nothing at {' / '.join(path)}")
        self._taken.add(path)
        return self._texts[path]

    def check_all_taken(self) -> None:
        """Refuse texts that nobody asked for.

        Raises:
            WordsError: there are some.
        """
        left = [" / ".join(path) for path in self._texts if path not in self._taken]
        if left:
            raise WordsError(f"docs/generator/words.yml has texts of nothing: {', '.join(left)}")


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from _leaves(item, (*path, str(key)))


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Lay rows out as a Markdown table."""
    return [_row(heads), _row(["---" for _ in heads]), *map(_row, rows)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
