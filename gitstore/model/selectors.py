"""Platform selectors, as conda-lock (``# [linux]``) and mamba (``sel(linux):``) write them."""

from __future__ import annotations

import re
from functools import cache

from gitstore.model.platforms import PLATFORMS

_LINE = re.compile(r"#\s*\[([^\[\]]+)\]")
_MAPPING_KEY = re.compile(r"sel\(([^()]*)\)")
_WORD = re.compile(r"[a-z0-9_]+")
_ARCHITECTURES = {
    "64": ("x86_64",),
    "32": ("x86",),
    "arm64": ("arm64", "aarch64"),
    "aarch64": ("aarch64", "arm64"),
}


def words_of(platform: str) -> frozenset[str]:
    """Return the selector words that are true on a platform, such as ``osx``, ``arm64``, ``unix``.

    These are conda-build's, of which conda-lock takes a part.
    """
    system, _, architecture = platform.partition("-")
    words = {system, *_ARCHITECTURES.get(architecture, (architecture,))}
    if architecture.isdigit():
        words.add(system + architecture)
    if system in ("linux", "osx"):
        words.add("unix")
    return frozenset(words)


WORDS = {platform: words_of(platform) for platform in PLATFORMS}
KNOWN_WORDS = frozenset().union(*WORDS.values())


class SelectorError(ValueError):
    """A selector that cannot be understood; the message says why."""


def comment_selector(line: str) -> str | None:
    """Return the selector in the comment that ends a line, or None.

    Brackets that hold other words than selectors are somebody's remark.
    """
    for found in _LINE.finditer(line):
        words = _WORD.findall(found[1].lower())
        if words and any(word in KNOWN_WORDS for word in words):
            return found[1].strip()
    return None


def key_selector(key: str) -> str | None:
    """Return the selector of a key such as ``sel(linux)``, or None."""
    match = _MAPPING_KEY.fullmatch(key.strip())
    return match[1].strip() if match else None


@cache
def selected_platforms(selector: str) -> frozenset[str]:
    """Return the platforms on which a selector is true.

    Words can be combined by ``not``, ``and``, ``or``, in this order of strength.

    Raises:
        SelectorError: a word is unknown, or the words make no sense together.
    """
    tokens = selector.lower().split()
    for token in tokens:
        if token not in KNOWN_WORDS and token not in ("not", "and", "or"):
            raise SelectorError(f"`{token[:40]}` is no selector")
    return frozenset(platform for platform in PLATFORMS if _is_true(tokens, WORDS[platform]))


def _is_true(tokens: list[str], words: frozenset[str]) -> bool:
    if "or" in tokens:
        cut = tokens.index("or")
        left, right = _is_true(tokens[:cut], words), _is_true(tokens[cut + 1 :], words)
        return left or right
    if "and" in tokens:
        cut = tokens.index("and")
        left, right = _is_true(tokens[:cut], words), _is_true(tokens[cut + 1 :], words)
        return left and right
    if tokens and tokens[0] == "not":
        return not _is_true(tokens[1:], words)
    if len(tokens) != 1:
        raise SelectorError("words must be joined by `and` or `or`")
    return tokens[0] in words


def applies(selector: str | None, platform: str) -> bool:
    """Say whether something with this selector counts on a platform."""
    return selector is None or platform in selected_platforms(selector)
