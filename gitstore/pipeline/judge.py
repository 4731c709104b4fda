"""Judge what is asked for and what was locked by the rules of store and namespace. Deny wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitstore.errors import PolicyError
from gitstore.model.channels import has_terms, redact
from gitstore.model.lockfile import LockedPackage, Lockfile
from gitstore.model.rules import Rules

_SHOWN = 5


def judge_channels(channels: Sequence[str], rules: Rules, *, environment: str) -> None:
    """Check, before anything is solved, that the terms of every channel were accepted.

    Raises:
        PolicyError: they were not, or the environment is public.
    """
    for channel in channels:
        _judge_terms(rules.names.urls(channel), redact(channel), rules, environment)


def judge_lockfile(lock: Lockfile, rules: Rules, *, environment: str) -> None:
    """Check every URL of a lockfile against the terms and against each list of allowed channels.

    Raises:
        PolicyError: a package comes from elsewhere; the message names it and the rule.
    """
    conda = [package for package in lock.packages if package.manager == "conda"]
    folders = {package.url.rsplit("/", 2)[0] for package in conda}
    for folder in sorted(folders):
        _judge_terms((folder,), redact(folder), rules, environment)
    for owner, allowed in rules.allowed:
        if allowed is None:
            continue
        bases = tuple(f"{url}/" for url in rules.names.all_urls(allowed))
        outside = [package for package in conda if not package.url.startswith(bases)]
        if outside:
            raise _not_allowed(outside, owner, allowed, environment)


def _judge_terms(urls: Iterable[str], shown: str, rules: Rules, environment: str) -> None:
    with_terms = [url for url in urls if has_terms(url)]
    if not with_terms:
        return
    accepted = rules.names.all_urls(rules.accepted_terms)
    if all(url in accepted for url in with_terms) and not rules.is_public:
        return
    reason = (
        "which nobody has accepted for this store"
        if not rules.is_public
        else "which do not allow to give its packages to everybody"
    )
    raise PolicyError(
        f"channel {shown} has terms of use of its own, {reason}",
        where=environment,
        code="channel-terms",
        hint="write `conda-forge` instead, or have the operator accept them in store.yml: "
        "`channels: {terms: [{channel: defaults, accepted-by: NAME, date: YYYY-MM-DD}]}`",
    )


def _not_allowed(
    outside: Sequence[LockedPackage], owner: str, allowed: Sequence[str], environment: str
) -> PolicyError:
    channel = redact(outside[0].url.rsplit("/", 2)[0])
    names = sorted({package.name for package in outside})
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return PolicyError(
        f"{shown}{more} would come from {channel}, which {owner} does not allow",
        where=environment,
        code="channel-not-allowed",
        hint=f"use {', '.join(allowed)}, or ask who keeps {owner} to add the channel to "
        "`policy: {channels: …}`",
    )
