"""Judge a lockfile by the rules of the store and of the namespace. Deny wins."""

from __future__ import annotations

from collections.abc import Sequence

from gitstore.errors import PolicyError
from gitstore.model.channels import channel_url, redact
from gitstore.model.lockfile import Lockfile


def judge_lockfile(
    lock: Lockfile, *, rules: Sequence[tuple[str, tuple[str, ...] | None]], environment: str
) -> None:
    """Check every URL of a lockfile against each list of allowed channels.

    ``rules`` are pairs of who says it and the channels, None for any.

    Raises:
        PolicyError: a package comes from elsewhere; the message names it and the rule.
    """
    for owner, allowed in rules:
        if allowed is None:
            continue
        bases = tuple(channel_url(channel) + "/" for channel in allowed)
        outside = [package for package in lock.packages if not package.url.startswith(bases)]
        if not outside:
            continue
        first = outside[0]
        channel = redact(first.url.rsplit("/", 2)[0])
        names = sorted({package.name for package in outside})
        shown = ", ".join(f"`{name}`" for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise PolicyError(
            f"{shown}{more} would come from {channel}, which {owner} does not allow",
            where=environment,
            code="channel-not-allowed",
            hint=f"use {', '.join(allowed)}, or ask who keeps {owner} to add the channel to "
            "`policy: {channels: …}`",
        )
