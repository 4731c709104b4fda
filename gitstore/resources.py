"""The one place that finds data folders: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


def data_path(folder: str) -> Path:
    """Return ``schemas`` or ``templates`` as a folder on disk."""
    installed = _PACKAGE / "_data" / folder
    return installed if installed.is_dir() else _PACKAGE.parent / folder


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema whose ``$id`` is ``gitstore:v1/<name>``."""
    text = (data_path("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def schema_names() -> tuple[str, ...]:
    """Return the names of all schemas, sorted."""
    suffix = ".schema.json"
    return tuple(
        sorted(path.name.removesuffix(suffix) for path in data_path("schemas").glob(f"*{suffix}"))
    )
