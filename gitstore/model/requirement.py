"""One line below ``pip:``: a requirement (PEP 508), a file of them, or an option of pip."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from gitstore.model.channels import has_secret, redact

_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash[= ](\w+):([0-9A-Za-z]+)")
_VCS = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz")
_SINGLE_EQUALS = re.compile(r"(?<![=<>!~])=(?![=<>])")
_SPACED_VERSION = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s+v?([0-9][\w.!+*]*)")
_ORDERED_STAR = re.compile(r"([<>]=?)\s*([0-9][0-9.]*)\.\*")
_REVERSED = re.compile(r"=\s*([<>])")
_INDEX = ("-i", "--index-url", "--extra-index-url")
_INCLUDE = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")
_WITHOUT_EFFECT = ("--trusted-host", "--prefer-binary", "--use-pep517", "--no-cache-dir")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One distribution that is wanted.

    ``text`` is what a resolver is given (PEP 508; a direct URL without a name stands alone).
    ``hashes`` are ``algorithm:hex``, one of which the chosen file must have.
    """

    text: str
    name: str | None
    kind: Literal["index", "url", "vcs"]
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Include:
    """A file of requirements, or of constraints, by its path from the file that names it."""

    path: str
    is_constraint: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options of pip that change what is found."""

    indexes: tuple[str, ...] = ()
    prereleases: bool = False


class RequirementError(ValueError):
    """A line that cannot be locked; ``better`` is what to write instead, where that is sure.

    ``better`` is empty where the line has to go.
    """

    def __init__(self, code: str, message: str, hint: str, better: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.better = better


def requirement_name(text: str) -> str | None:
    """Return the normalised name of a requirement, None of a URL that stands alone."""
    parsed, _ = _parsed(text)
    return canonical_name(parsed.name) if parsed is not None else None


def canonical_name(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _parsed(text: str) -> tuple[Any, str]:
    """Read a requirement; None with the reason where it is none."""
    from packaging.requirements import (  # noqa: PLC0415  30 ms, and most specs have no `pip:`
        InvalidRequirement,
        Requirement,
    )

    try:
        return Requirement(text), ""
    except InvalidRequirement as exc:
        return None, str(exc).splitlines()[0]


def read_requirement(line: str) -> Requirement | Include | Options:
    """Read one line.

    Raises:
        RequirementError: it cannot be understood, or must not be locked.
    """
    text = _COMMENT.sub("", line).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text:
        raise RequirementError("pypi-invalid", "an empty requirement", "remove the line", "")
    if text.startswith("-"):
        return _option(text)
    if text.startswith(_VCS) or re.match(r"https?://", text):
        return _direct(text)
    if _is_path(text):
        raise RequirementError(
            "pypi-path",
            f"`{_shown(text)}` is a file of this machine, which nobody else can install",
            "publish it to an index or a git repository, and name that",
        )
    return _named(text)


def _option(text: str) -> Include | Options:
    try:
        words = shlex.split(text.replace("=", " ", 1) if text.startswith("--") else text)
    except ValueError:
        words = text.split()
    first = words[0]
    for short in ("-r", "-c", "-e", "-i", "-f"):  # pip takes `-rfile` too
        if first.startswith(short) and not first.startswith("--") and len(first) > len(short):
            words = [short, first[len(short) :], *words[1:]]
            first = short
    value = words[1] if len(words) > 1 else ""
    if first in _EDITABLE:
        raise _editable(" ".join(words[1:]))
    if first in _INCLUDE:
        if not value or "://" in value:
            raise RequirementError(
                "pypi-include",
                f"`{_shown(text)}` names no file of this repository",
                "copy the requirements into the spec, or the file into the repository",
            )
        return Include(path=value, is_constraint=first in ("-c", "--constraint"))
    return _options(words, text)


def _options(words: list[str], text: str) -> Options:
    indexes: list[str] = []
    prereleases = False
    rest = [part for word in words for part in word.split("=", 1)] if "=" in text else words
    at = 0
    while at < len(rest):
        word = rest[at]
        if word in _INDEX and at + 1 < len(rest):
            indexes.append(_checked_url(rest[at + 1]))
            at += 1
        elif word == "--pre":
            prereleases = True
        elif word in _WITHOUT_EFFECT:
            at += word == "--trusted-host"
        else:
            raise RequirementError(
                "pypi-option",
                f"`{_shown(word)}` is an option of pip that a lockfile cannot keep",
                "remove the line; `pypi:` in gitstore.yml sets the index and sdists",
                "",
            )
        at += 1
    return Options(indexes=tuple(indexes), prereleases=prereleases)


def _editable(value: str) -> RequirementError:
    if value.startswith(_VCS):
        read_requirement(value)  # what would have to go anyhow is said first
        return RequirementError(
            "pypi-editable",
            f"`-e {_shown(value)}` would leave a checkout behind that can be edited",
            f"write `{_shown(value)}`, which is locked to one commit",
            value,
        )
    return RequirementError(
        "pypi-editable",
        f"`-e {_shown(value)}` installs a folder of this machine, which no lockfile can hold",
        "remove the line, and run `pip install -e .` in the environment where you work on it",
        "",
    )


def _direct(text: str) -> Requirement:
    """Read a URL without a name in front; a name may stand in ``#egg=``."""
    url = text.split(maxsplit=1)[0]
    kind: Literal["url", "vcs"] = "vcs" if url.startswith(_VCS) else "url"
    _checked_url(url)
    egg = parse_qs(urlsplit(url).fragment).get("egg", [""])[0]
    if not egg:
        return Requirement(text=text, name=None, kind=kind)
    bare = url.partition("#")[0]
    rest = "&".join(part for part in urlsplit(url).fragment.split("&") if part[:4] != "egg=")
    whole = f"{egg} @ {bare}#{rest}" if rest else f"{egg} @ {bare}"
    return _named(whole)


def _named(text: str) -> Requirement:
    hashes = tuple(f"{algorithm}:{value}" for algorithm, value in _HASH.findall(text))
    plain = _HASH.sub("", text).strip()
    parsed, reason = _parsed(plain)
    if parsed is None:
        raise _invalid(plain, reason)
    name = canonical_name(parsed.name)
    if parsed.url is None:
        return Requirement(text=str(parsed), name=name, kind="index", hashes=hashes)
    _checked_url(parsed.url)
    if parsed.url.startswith("file:"):
        raise RequirementError(
            "pypi-path",
            f"`{_shown(plain)}` is a file of this machine, which nobody else can install",
            "publish it to an index or a git repository, and name that",
        )
    kind: Literal["url", "vcs"] = "vcs" if parsed.url.startswith(_VCS) else "url"
    return Requirement(text=str(parsed), name=name, kind=kind, hashes=hashes)


def _invalid(text: str, reason: str) -> RequirementError:
    better = _better(text)
    hint = f"did you mean `{_shown(better)}`?" if better else "write `name`, `name>=1.2`"
    return RequirementError(
        "pypi-invalid",
        f"`{_shown(text)}` is not a requirement (PEP 508): {redact(reason)}",
        hint,
        better,
    )


def _better(text: str) -> str | None:
    """Return the requirement that was probably meant, if there is one that can be read."""
    spaced = _SPACED_VERSION.fullmatch(text)
    candidates = [
        f"{spaced[1]}=={spaced[2]}" if spaced else "",
        _REVERSED.sub(r"\1=", text),
        _SINGLE_EQUALS.sub("==", text),
        _ORDERED_STAR.sub(r"\1\2", text),
        text.rstrip(" ,"),
    ]
    for candidate in candidates:
        good = candidate and candidate != text and "://" not in candidate
        if good and _parsed(candidate)[0] is not None:
            return candidate
    return None


def _is_path(text: str) -> bool:
    if text.startswith((".", "/", "~", "file:", "\\")):
        return True
    first = text.split(maxsplit=1)[0]
    return "@" not in text and (first.lower().endswith(_ARCHIVES) or "/" in first or "\\" in first)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.password is not None or (parts.username or "git") != "git"
        secret = named or has_secret(parts._replace(netloc=parts.hostname or "").geturl())
    except ValueError:
        parts, secret = urlsplit(""), False
    if secret and not url.startswith(("git+ssh://", "ssh://")):
        raise RequirementError(
            "pypi-secret",
            f"the URL `{redact(url)}` holds a name, a password or a token",
            "remove it from the URL: who runs the solve has credentials in uv's or git's own store",
        )
    if not parts.scheme or "{" in url or "$" in url:
        raise RequirementError(
            "pypi-invalid",
            f"`{_shown(url)}` is a template, not a URL",
            "write it out; nothing here fills templates in",
        )
    return url


def _shown(text: str) -> str:
    return redact(text[:80])
