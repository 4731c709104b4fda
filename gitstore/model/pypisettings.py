"""Where packages below ``pip:`` come from, as a namespace sets it."""

from __future__ import annotations

from dataclasses import dataclass

PYPI = "https://pypi.org/simple"


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiSettings:
    """``pypi:`` of a namespace. ``index`` is None for PyPI itself."""

    index: str | None = None
    extra_indexes: tuple[str, ...] = ()
    sdists: bool = False
