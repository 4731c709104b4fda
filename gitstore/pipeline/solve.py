"""Solve: from a spec to what a solver is asked, and from its answer to a lockfile. Pure."""

from __future__ import annotations

import posixpath
import re

from gitstore.errors import SolveError
from gitstore.model.channels import channel_url, redact
from gitstore.model.identity import EffectiveSpec
from gitstore.model.lockfile import (
    LockedPackage,
    Lockfile,
    LockMetadata,
    constraints_of,
    sorted_packages,
)
from gitstore.model.work import PlatformRequest, Solution, SolveRequest

_NAME = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9_.-]+)")


def solve_request(
    environment: str, spec: EffectiveSpec, previous: Lockfile | None, *, timeout: float
) -> SolveRequest:
    """Ask for a solve; the packages of the previous lockfile stay where nothing forces them."""
    return SolveRequest(
        environment=environment,
        channels=spec.channels,
        channel_priority=spec.channel_priority,
        dependencies=spec.dependencies,
        platforms=tuple(
            PlatformRequest(
                platform=platform,
                virtual_packages=spec.virtual_packages[platform],
                preferred=previous.on(platform) if previous else (),
            )
            for platform in spec.platforms
        ),
        platforms_asked=spec.platforms_asked,
        timeout=timeout,
    )


def lockfile_of(
    solution: Solution, spec: EffectiveSpec, *, input_digest: str, spec_path: str
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
            depends=constraints_of(package.depends),
        )
        for platform, chosen in solution.platforms.items()
        for package in chosen
    ]
    return Lockfile(
        channels=tuple(redact(channel_url(channel)) for channel in spec.channels),
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
        ),
    )


def direct_names(spec: EffectiveSpec) -> frozenset[str]:
    """Return the names of the packages that the spec itself asks for."""
    found = (_NAME.match(text) for text in spec.dependencies)
    return frozenset(match[1].lower() for match in found if match)


def verify_claim(claim: Lockfile, solved: Lockfile, *, input_digest: str, where: str) -> bool:
    """Say whether a lockfile that no solve record knows is what a solve gives.

    True: it stands as it is. False: it was made for another input, and the new one replaces it.

    Raises:
        SolveError: it claims to be for this very input (or for none) and is not derived from it.
    """
    if _identities(claim) == _identities(solved):
        return True
    if claim.metadata.input not in (None, input_digest):
        return False
    extra = sorted({p.name for p in claim.packages} ^ {p.name for p in solved.packages})
    differs = extra or sorted(
        {p.name for p in claim.packages if (p.platform, p.identity) not in _identities(solved)}
    )
    raise SolveError(
        "the lockfile was not written by gitstore, and a solve of its spec does not give it: "
        f"{', '.join(f'`{name}`' for name in differs[:5])} differ",
        where=where,
        code="lock-breach",
        hint="delete the lockfile to have it made anew, or restore the one that was there before",
    )


def _identities(lock: Lockfile) -> frozenset[tuple[str, tuple[str, str, str]]]:
    return frozenset((package.platform, package.identity) for package in lock.packages)
