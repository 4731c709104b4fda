"""Read any lockfile that gitstore knows, by what stands in it and not by its name."""

from __future__ import annotations

import re

from gitstore.formats.explicit import read_explicit
from gitstore.formats.pixi import DEFAULT_ENVIRONMENT, read_pixi_lock
from gitstore.model.lockfile import Lockfile
from gitstore.model.lockread import parse_lockfile

_PIXI = re.compile(rb"^version: *[4-9]\b", re.MULTILINE)
_EXPLICIT = re.compile(rb"^@EXPLICIT\s*$", re.MULTILINE)


def read_lock(data: bytes, *, where: str, environment: str | None = None) -> Lockfile:
    """Read a conda-lock.yml (version 1), a pixi.lock (4 to 7) or an ``@EXPLICIT`` list.

    Raises:
        SpecError: it is none of them, or holds what cannot be locked.
    """
    if _EXPLICIT.search(data):
        return read_explicit(data, where=where)
    if _PIXI.search(data):
        return read_pixi_lock(data, where=where, environment=environment or DEFAULT_ENVIRONMENT)
    return parse_lockfile(data, where=where)
