"""Texts of the catalogue: strangers' made harmless, numbers and dates made readable. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from markupsafe import Markup, escape

from gitstore.model.channels import redact
from gitstore.model.platforms import PEOPLE_SAY

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Control characters, those that turn the direction of writing, and what UTF-8 cannot hold.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*: \S.*")
_MAX_BODY = 20_000
_MAX_LINE = 300


def clean(text: str) -> str:
    """Return a stranger's text without control characters, tricks of direction, and secrets.

    Markup in it stays as it is: the templates escape everything.
    """
    safe = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    return redact(safe) if "://" in safe else safe


def first_line(text: str) -> str:
    """Return the first line of a message, cut where it is endless."""
    line = next(iter(clean(text).strip().splitlines()), "").rstrip()
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE - 1]}…"


def split_message(message: str) -> tuple[str, str]:
    """Return the subject and the body of a commit message, without its trailers.

    Trailers are for machines, and often hold the addresses of persons.
    """
    subject, _, rest = clean(message).strip().partition("\n")
    paragraphs = rest.strip("\n").split("\n\n")
    if all(_TRAILER.fullmatch(line) for line in paragraphs[-1].splitlines()):
        paragraphs.pop()
    body = "\n\n".join(paragraphs).rstrip()
    return first_line(subject), body if len(body) <= _MAX_BODY else f"{body[:_MAX_BODY]}\n…"


def code_words(text: str) -> Markup:
    """Set what stands between backticks as code; all of it is escaped."""
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(text)
    marked = [Markup("<code>{}</code>").format(p) if at % 2 else p for at, p in enumerate(parts)]
    return Markup("").join(marked)


def platform_words(platform: str) -> str:
    """Return what people call a platform."""
    return PEOPLE_SAY.get(platform, platform)


def size_words(size: int | None) -> str:
    """Write a size as people do; nothing where it is unknown."""
    if size is None:
        return ""
    if size < 1000:
        return f"{size} bytes"
    amount, unit = size / 1000, "kB"
    for larger in ("MB", "GB"):
        if amount >= 999.5:
            amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:,.0f} {unit}"


def iso_time(seconds: int) -> str:
    """Write seconds since 1970 as records do: UTC, ``Z``."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def date_words(seconds: int) -> str:
    """Write the day, such as ``22 Nov 2026``; in English whatever the machine speaks."""
    moment = _moment(seconds)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def minute_words(seconds: int) -> str:
    """Write the day and the minute, in UTC."""
    return f"{date_words(seconds)}, {_moment(seconds):%H:%M} UTC"


def moment_words(text: str) -> str:
    """Write a record's time as ``minute_words`` does; what is no time stays as it is."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return text
    return minute_words(int(moment.timestamp()))


def _moment(seconds: int) -> datetime:
    # A commit may claim any time; what no calendar has becomes the first day of 1970.
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, timezone.utc)
