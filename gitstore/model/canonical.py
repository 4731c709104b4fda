"""Canonical JSON and the digests made from it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Serialise ``value`` so that equal values give equal bytes.

    Keys are sorted, there is no white space, text is UTF-8 without escapes. Floats are refused
    by nobody but mean what Python's ``repr`` says: two spellings of one number are one value.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: Any) -> str:
    """Return ``sha256:<hex>`` over the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def short(text: str, length: int = 16) -> str:
    """Return the first ``length`` hexadecimal digits of a digest, for paths and for people."""
    return text.removeprefix("sha256:")[:length]


def pretty_json(value: Any) -> bytes:
    """Serialise a record for a git repository: sorted, indented, with a final newline."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"
