"""Judge what is asked for and what was locked by the rules of store and namespace. Deny wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitstore.errors import PolicyError
from gitstore.model.channels import has_terms, redact
from gitstore.model.identity import EffectiveSpec
from gitstore.model.lockfile import LockedPackage, Lockfile
from gitstore.model.pypisettings import PYPI
from gitstore.model.rules import Rules

_SHOWN = 5
_PYPI_SCHEMES = ("https://", "http://", "git+https://", "git+ssh://")


def judge_spec(spec: EffectiveSpec, rules: Rules, *, environment: str) -> None:
    """Check, before anything is solved, what a spec asks for.

    Raises:
        PolicyError: the terms of a channel were not accepted, an index is not one of the
            namespace's, or code of a package would have to run.
    """
    for channel in spec.channels:
        _judge_terms(rules.names.urls(channel), redact(channel), rules, environment)
    known = {_plain(url) for url in (*rules.indexes, PYPI)}
    for index in spec.pypi.indexes:
        if _plain(index) not in known:
            raise PolicyError(
                f"the index {redact(index)} is not one of the namespace's: a package of it could "
                "take the place of another one of that name",
                where=environment,
                code="index-not-allowed",
                hint=f"remove it from the spec, or write `pypi: {{extra-indexes: "
                f"['{redact(index)}']}}` in gitstore.yml",
            )
    if spec.pypi.from_source and not rules.sdists:
        raise PolicyError(
            f"`{redact(spec.pypi.from_source[0])}` has to be built, which runs its code, and that "
            "is not allowed here",
            where=environment,
            code="sdists-not-allowed",
            hint="use a release that has a wheel; or allow `pypi: {sdists: true}` in gitstore.yml "
            "and, as the operator, `limits: {sdists: true}` in store.yml",
        )


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix("/simple")


def judge_lockfile(lock: Lockfile, rules: Rules, *, environment: str) -> None:
    """Check every URL of a lockfile against the terms and against each list of allowed channels.

    Raises:
        PolicyError: a package comes from elsewhere; the message names it and the rule.
    """
    for package in lock.packages:
        if package.manager == "pip" and not package.url.startswith(_PYPI_SCHEMES):
            raise PolicyError(
                f"`{package.name}` would come from {redact(package.url)}, which is no index",
                where=environment,
                code="index-not-allowed",
                hint="only `https://`, `http://` and git URLs can be locked",
            )
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
