"""``exclude-newer``: a day, a moment, or a duration before now; in the end a moment in UTC."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, timezone

_DURATION = re.compile(r"([0-9]{1,4})(h|d|w)")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def cutoff(text: str, now: datetime) -> datetime:
    """Return the moment after which nothing counts.

    A day counts to its end in UTC; a moment without a time zone is one in UTC.

    Raises:
        ValueError: it is neither a day, a moment nor a duration.
    """
    if match := _DURATION.fullmatch(text):
        return now.astimezone(timezone.utc).replace(microsecond=0) - timedelta(
            hours=int(match[1]) * _HOURS[match[2]]
        )
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        day = datetime.fromisoformat(text).date()
        return datetime.combine(day, time(23, 59, 59), timezone.utc)
    # Python 3.10 reads no `Z`.
    moment = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).replace(microsecond=0)


def cutoff_text(text: str, now: datetime) -> str:
    """Return the cutoff as lockfiles keep it: RFC 3339, in UTC, so that text order is time's."""
    return cutoff(text, now).strftime("%Y-%m-%dT%H:%M:%SZ")
