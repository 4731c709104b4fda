"""Solve: from a spec to what a solver is asked, and from its answer to a lockfile. Pure."""

from __future__ import annotations

import posixpath

from gitstore.errors import SolveError
from gitstore.model.channels import ChannelNames, redact
from gitstore.model.identity import EffectivePypi, EffectiveSpec
from gitstore.model.lockfile import (
    LockedPackage,
    Lockfile,
    LockMetadata,
    constraints_of,
    sorted_packages,
)
from gitstore.model.matchspec import name_of
from gitstore.model.requirement import requirement_name
from gitstore.model.rules import Rules
from gitstore.model.work import Network, PlatformRequest, PypiOptions, Solution, SolveRequest

_SHOWN = 3


def solve_request(
    environment: str,
    spec: EffectiveSpec,
    previous: Lockfile | None,
    *,
    rules: Rules,
    network: Network,
    timeout: float,
    exclude_newer: str | None = None,
    strategy: str = "highest",
) -> SolveRequest:
    """Ask for a solve; the packages of the previous lockfile stay where nothing forces them."""
    return SolveRequest(
        environment=environment,
        channels=rules.names.all_urls(spec.channels),
        network=network,
        pypi=_pypi_options(spec.pypi, rules) if spec.pypi else None,
        channel_priority=spec.channel_priority,
        platforms=tuple(
            PlatformRequest(
                platform=platform,
                dependencies=tuple(
                    _with_channel_url(text, rules.names) for text in spec.dependencies[platform]
                ),
                pypi=spec.pypi.requirements.get(platform, ()),
                virtual_packages=spec.virtual_packages[platform],
                preferred=previous.on(platform) if previous else (),
            )
            for platform in spec.platforms
        ),
        platforms_asked=spec.platforms_asked,
        timeout=timeout,
        exclude_newer=exclude_newer,
        strategy=strategy,
        solver=spec.solver,
    )


def _pypi_options(pypi: EffectivePypi, rules: Rules) -> PypiOptions:
    return PypiOptions(
        indexes=rules.indexes,
        constraints=pypi.constraints,
        hashes=pypi.hashes,
        prereleases=pypi.prereleases,
        sdists=rules.sdists,
    )


def lockfile_of(
    solution: Solution,
    spec: EffectiveSpec,
    *,
    names: ChannelNames,
    input_digest: str,
    spec_path: str,
    exclude_newer: str | None = None,
) -> Lockfile:
    """Write a solution down."""
    packages = [
        LockedPackage(
            name=package.name,
            version=package.version,
            platform=platform,
            url=package.url,
            sha256=package.sha256,
            md5=package.md5,
            manager=package.manager,
            depends=constraints_of(package.depends),
            category=spec.category,
        )
        for platform, chosen in solution.platforms.items()
        for package in chosen
    ]
    return Lockfile(
        channels=tuple(map(redact, names.all_urls(spec.channels))),
        platforms=tuple(sorted(solution.platforms)),
        source=posixpath.basename(spec_path),
        packages=sorted_packages(packages),
        metadata=LockMetadata(
            input=input_digest,
            variables=spec.variables,
            virtual_packages={
                platform: spec.virtual_packages[platform] for platform in sorted(solution.platforms)
            },
            dropped=solution.dropped,
            exclude_newer=exclude_newer,
        ),
    )


def _with_channel_url(text: str, names: ChannelNames) -> str:
    """Write out the channel of ``channel::name`` where it is a name that the store gives."""
    channel, found, rest = text.partition("::")
    if not found or "[" in channel:
        return text
    folder = ""
    if channel not in names.aliases and "://" not in channel and "/" in channel:
        channel, _, folder = channel.rpartition("/")
    if channel not in names.aliases:
        return text
    return f"{names.urls(channel)[0]}{f'/{folder}' if folder else ''}::{rest}"


def direct_names(spec: EffectiveSpec) -> frozenset[str]:
    """Return the names of the packages that the spec itself asks for."""
    texts = {text for wishes in spec.dependencies.values() for text in wishes}
    wishes = {text for found in spec.pypi.requirements.values() for text in found}
    return frozenset(
        name for name in [*map(name_of, texts), *map(requirement_name, wishes)] if name
    )


def verify_claim(claim: Lockfile, solved: Lockfile, *, input_digest: str, where: str) -> None:
    """Check a lockfile that no solve record knows against what a solve gives.

    One with the same packages, or made for another input, is replaced by ours, down to the last
    byte: whatever else it says of them may be a lie.

    Raises:
        SolveError: it claims to be for this very input (or for none), and other packages than a
            solve gives stand in it.
    """
    ours = {(package.platform, package.identity) for package in solved.packages}
    theirs = {(package.platform, package.identity) for package in claim.packages}
    if ours == theirs or claim.metadata.input not in (None, input_digest):
        return
    raise SolveError(
        "the lockfile was not written by gitstore, and a solve of its spec gives another one: "
        f"{_differences(claim, solved)}",
        where=where,
        code="lock-breach",
        hint="delete the lockfile to have it made anew, or restore the one that was there before",
    )


def _differences(claim: Lockfile, solved: Lockfile) -> str:
    """Name the first packages that a claim has otherwise than a solve, each with how."""
    words: dict[str, None] = {}
    for platform in sorted({*claim.platforms, *solved.platforms}):
        theirs = {package.name: package for package in claim.on(platform)}
        ours = {package.name: package for package in solved.on(platform)}
        for name in sorted({*theirs, *ours}):
            if word := _difference(name, theirs.get(name), ours.get(name)):
                words[word] = None
    shown = list(words)[:_SHOWN]
    more = f"; and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return "; ".join(shown) + more


def _difference(name: str, theirs: LockedPackage | None, ours: LockedPackage | None) -> str:
    if ours is None:
        return f"`{name}` should not be in it"
    if theirs is None:
        return f"`{name}` is missing"
    if theirs.version != ours.version:
        return f"`{name}` is {theirs.version}, not {ours.version}"
    if theirs.url.rpartition("/")[0] != ours.url.rpartition("/")[0]:
        return f"`{name}` comes from {redact(theirs.url)}, not {redact(ours.url)}"
    if theirs.file_name != ours.file_name:
        return f"`{name}` is {theirs.file_name}, not {ours.file_name}"
    return f"`{name}` has another hash" if theirs.sha256 != ours.sha256 else ""
