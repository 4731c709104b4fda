"""What was derived from a blob, kept by the blob's id. May be deleted at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitstore import __version__
from gitstore.files import write_file

_COMPACT = json.JSONEncoder(separators=(",", ":"))


class Memo:
    """A file of derived facts: ``derive`` calls ``make`` once for a key, in the file's life.

    Only what was asked for since it was opened is kept, so that the file cannot grow without end.
    Another release of gitstore derives everything anew.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = _read(path)
        self._used: dict[str, dict[str, Any]] = {}
        self._is_new = False

    def derive(self, section: str, key: str, make: Callable[[], Any]) -> Any:
        """Return the JSON value that ``make`` gives for ``key``."""
        used = self._used.setdefault(section, {})
        if key in used:
            return used[key]
        known = self._known.get(section, {})
        if key in known:
            value = known[key]
        else:
            value = make()
            self._is_new = True
        used[key] = value
        return value

    def knows(self, section: str, key: str) -> bool:
        """Say whether something was derived for ``key`` before."""
        return key in self._used.get(section, {}) or key in self._known.get(section, {})

    def save(self) -> None:
        """Write the file if anything was derived that it does not hold."""
        if self._path is None or not self._is_new:
            return
        write_file(self._path, _written(self._used), durable=False)
        self._is_new = False


def _written(sections: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the file in parts: that of ten thousand environments is large."""
    yield f'{{"gitstore":{json.dumps(__version__)},"sections":{{'.encode()
    for number, (name, section) in enumerate(sections.items()):
        yield f"{',' if number else ''}{json.dumps(name)}:{{".encode()
        for count, (key, value) in enumerate(section.items()):
            text = f"{',' if count else ''}{json.dumps(key)}:{_COMPACT.encode(value)}"
            yield text.encode()
        yield b"}"
    yield b"}}"


def _read(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None:
        return {}
    try:
        data = json.loads(path.read_bytes())
        if data["gitstore"] == __version__:
            sections: dict[str, dict[str, Any]] = data["sections"]
            return sections
    except (OSError, ValueError, KeyError, TypeError):
        # A memo that is missing or damaged is one that has to be made again.
        return {}
    return {}
