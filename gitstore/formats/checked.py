"""One package out of a foreign lockfile, checked as our own reader checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitstore.model.lockfile import LockedPackage
from gitstore.model.lockread import package_of


def checked_package(fields: Mapping[str, Any]) -> LockedPackage:
    """Check the fields of a package.

    Raises:
        LockReadError: one of them cannot be what it says.
    """
    hashes = {key: fields[key] for key in ("sha256", "md5") if fields[key]}
    entry = {
        **{key: fields[key] for key in ("name", "version", "manager", "platform", "url")},
        "hash": hashes,
        "dependencies": dict(fields["depends"]),
    }
    return package_of(entry, f"`{str(fields['name'])[:60]}`")
