"""The conda half, by py-rattler. This module owns what is odd about that engine.

One Gateway a process keeps repodata in memory between solves. MatchSpecs are parsed leniently,
as conda users write them; virtual packages are given, never detected from this machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import rattler
from rattler.exceptions import GatewayError, SolverError

from gitstore.errors import SolveError, SolveUnavailableError
from gitstore.model.canonical import digest
from gitstore.model.channels import redact
from gitstore.model.edits import SpecEdit
from gitstore.model.lockfile import LockedPackage
from gitstore.model.matchspec import matchspec, name_of
from gitstore.model.work import Network, PlatformRequest, Solution, SolvedPackage, SolveRequest
from gitstore.network import channel_client

_TRIAL_SECONDS = 10.0
_PREFACE = "Cannot solve the request because of: "


class RattlerSolver:
    """Solves with py-rattler; ``cache`` is a folder for repodata that processes may share."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "repodata"
        self._gateways: dict[tuple[Any, bool], rattler.Gateway] = {}
        self._cores = os.cpu_count() or 1
        self.name = f"py-rattler {version('py-rattler')}"

    def solve(self, request: SolveRequest) -> Solution:
        """Solve every platform at once; the engine gives the GIL back while it works.

        Raises:
            SolveError: a platform that was asked for by name has no solution, or none has.
            SolveUnavailableError: a channel could not be read.
        """
        started = time.monotonic()
        answers = asyncio.run(self._solve_all(request, self._gateway(request.network)))
        solved: dict[str, tuple[SolvedPackage, ...]] = {}
        dropped: dict[str, str] = {}
        snapshots: dict[str, str] = {}
        for platform, answer in zip(request.platforms, answers, strict=True):
            if isinstance(answer, SolveError):
                if answer.retryable or request.platforms_asked or len(request.platforms) == 1:
                    raise answer
                dropped[platform.platform] = first_reason(answer.message)
                continue
            packages, seen = answer
            solved[platform.platform] = packages
            snapshots.update(seen)
        if not solved:
            raise next(answer for answer in answers if isinstance(answer, SolveError))
        return Solution(
            platforms=solved,
            dropped=dropped,
            snapshots=snapshots,
            solver=self.name,
            seconds=time.monotonic() - started,
        )

    def _gateway(self, network: Network) -> rattler.Gateway:
        """Return the one gateway for a way to reach channels: what it has read stays in memory."""
        client = channel_client(network)
        key = (client, network.offline)
        if key not in self._gateways:
            action: Any = "force-cache-only" if network.offline else "cache-or-fetch"
            config = rattler.SourceConfig(cache_action=action)
            self._gateways[key] = rattler.Gateway(self._folder, config, client=client)
        return self._gateways[key]

    async def _solve_all(self, request: SolveRequest, gateway: rattler.Gateway) -> list[Any]:
        # The engine gives the GIL back; more solves at once than cores only use more memory.
        cores = asyncio.Semaphore(self._cores)

        async def one(platform: PlatformRequest) -> Any:
            async with cores:
                return await self._solve_platform(request, platform, gateway)

        return list(await asyncio.gather(*map(one, request.platforms)))

    async def _solve_platform(
        self, request: SolveRequest, platform: PlatformRequest, gateway: rattler.Gateway
    ) -> tuple[tuple[SolvedPackage, ...], dict[str, str]] | SolveError:
        """Return the packages and what the solve could see, or the error as a value."""
        channels = list(request.channels)
        specs = match_specs(platform.dependencies, strict=_is_strict(request))
        subdirs: Any = [platform.platform, "noarch"]
        conda = [package for package in platform.preferred if package.manager == "conda"]
        try:
            preferred = await self._preferred(gateway, channels, subdirs, conda)
            seen = await gateway.query(channels, subdirs, specs, recursive=True)
            records = await _solve(
                request, platform, gateway, platform.dependencies, preferred=preferred
            )
        except SolverError as exc:
            return await _unsolvable(request, platform, gateway, exc)
        except (GatewayError, OSError) as exc:
            return _unavailable(request, exc)
        return tuple(map(_package_of, records)), _snapshots(seen)

    def facts_of(
        self, request: SolveRequest, platform: PlatformRequest, locked: Sequence[LockedPackage]
    ) -> tuple[SolvedPackage, ...]:
        """Return what the channels know of packages that somebody else chose; PyPI's as they are.

        Raises:
            SolveError: a package is not in the channels as it was locked.
        """
        conda = [package for package in locked if package.manager == "conda"]
        gateway = self._gateway(request.network)
        subdirs: Any = [platform.platform, "noarch"]
        records = asyncio.run(self._preferred(gateway, list(request.channels), subdirs, conda))
        if len(records) < len(conda):
            known = {record.name.normalized for record in records}
            missing = next(package.name for package in conda if package.name not in known)
            raise SolveError(
                f"`{missing}` is not in the channels as it was locked", where=request.environment
            )
        wheels = [_wheel_of(package) for package in locked if package.manager == "pip"]
        return (*map(_package_of, records), *wheels)

    async def _preferred(
        self,
        gateway: rattler.Gateway,
        channels: list[str],
        subdirs: Any,
        locked: Sequence[LockedPackage],
    ) -> list[Any]:
        """Return the channels' own records of the locked packages, where they still have them.

        A lockfile is a claim: only what the repodata confirms, hash and all, is preferred.
        """
        wanted = {(package.url, package.sha256) for package in locked}
        if not wanted:
            return []
        names = [rattler.MatchSpec(package.name, strict=False) for package in locked]
        groups = await gateway.query(channels, subdirs, names, recursive=False)
        return [
            record
            for group in groups
            for record in group
            if (str(record.url), _hex(record.sha256)) in wanted
        ]


async def _solve(
    request: SolveRequest,
    platform: PlatformRequest,
    gateway: rattler.Gateway,
    dependencies: Sequence[str],
    *,
    preferred: Sequence[Any] = (),
    virtual: Mapping[str, str] = MappingProxyType({}),
) -> list[Any]:
    subdirs: Any = [platform.platform, "noarch"]
    strategy: Any = request.strategy
    return await rattler.solve(
        list(request.channels),
        match_specs(dependencies, strict=_is_strict(request)),
        gateway=gateway,
        platforms=subdirs,
        locked_packages=list(preferred),
        virtual_packages=_virtual_packages({**platform.virtual_packages, **virtual}),
        channel_priority=_priority(request.channel_priority),
        timeout=timedelta(seconds=request.timeout),
        exclude_newer=_moment(request.exclude_newer),
        strategy=strategy,
    )


def _moment(text: str | None) -> datetime | None:
    """Read RFC 3339 in UTC: the engine takes any other time zone for UTC unconverted."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def match_specs(dependencies: Sequence[str], *, strict: bool) -> list[Any]:
    """Return the wishes, and with ``strict`` priority of channels the bare name beside each.

    The engine reads only those records that a wish matches, so that a channel whose versions all
    fall outside of it would lose its priority, and a later one could slip in another package.
    """
    specs = [matchspec(text) for text in dependencies]
    if not strict:
        return specs
    names = {
        name: None
        for text, spec in zip(dependencies, specs, strict=True)
        if spec.channel is None and (name := name_of(text)) and not name.startswith("__")
    }
    return [*specs, *map(rattler.MatchSpec, names)]


def _is_strict(request: SolveRequest) -> bool:
    return request.channel_priority != "disabled" and len(request.channels) > 1


def _virtual_packages(assumed: Mapping[str, str]) -> list[Any]:
    packages = []
    for name, text in assumed.items():
        number, _, build = text.partition("=")
        packages.append(
            rattler.GenericVirtualPackage(
                rattler.PackageName(name),
                rattler.Version(number),
                rattler.BuildString(build or "0"),
            )
        )
    return packages


def _priority(name: str) -> Any:
    choices = rattler.ChannelPriority
    return choices.Disabled if name == "disabled" else choices.Strict


def _package_of(record: Any) -> SolvedPackage:
    timestamp = record.timestamp
    return SolvedPackage(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=record.subdir,
        url=redact(str(record.url)),
        sha256=_hex(record.sha256),
        md5=_hex(record.md5),
        size=record.size,
        license=record.license,
        timestamp=int(timestamp.timestamp() * 1000) if timestamp else None,
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
        noarch=_noarch(record),
        purls=tuple(getattr(record, "purls", None) or ()),
    )


def _wheel_of(package: LockedPackage) -> SolvedPackage:
    return SolvedPackage(
        manager="pip",
        name=package.name,
        version=package.version,
        build="",
        build_number=0,
        subdir=package.platform,
        url=redact(package.url),
        sha256=package.sha256,
        md5="",
        size=None,
        license=None,
        timestamp=None,
        depends=tuple(f"{name} {text}".strip() for name, text in sorted(package.depends.items())),
        constrains=(),
        noarch=None,
        purls=(f"pkg:pypi/{package.name}@{package.version}",),
    )


def _noarch(record: Any) -> str | None:
    kind = record.noarch
    if kind is None or kind.none:
        return None
    return "python" if kind.python else "generic"


def _hex(value: Any) -> str:
    return "" if value is None else bytes(value).hex()


def _snapshots(groups: Iterable[Iterable[Any]]) -> dict[str, str]:
    """Digest what a solve could see: for each channel folder, the hashes of its records."""
    folders: dict[str, list[str]] = {}
    for group in groups:
        for record in group:
            folder = redact(str(record.url)).rpartition("/")[0]
            folders.setdefault(folder, []).append(_hex(record.sha256))
    return {folder: digest(sorted(hashes)) for folder, hashes in sorted(folders.items())}


async def _unsolvable(
    request: SolveRequest, platform: PlatformRequest, gateway: rattler.Gateway, exc: Exception
) -> SolveError:
    """Explain what the engine could not solve; its own tree of reasons becomes the log."""
    from gitstore.solvers.explain import Explainer, Explanation  # noqa: PLC0415  rarely needed

    tree = redact(str(exc).removeprefix(_PREFACE).strip())
    if "timeout" in tree.lower() and "├" not in tree:
        return SolveUnavailableError(
            f"the solve for {platform.platform} took longer than {request.timeout:.0f} s",
            where=request.environment,
            code="timed-out",
        )

    quick = replace(request, timeout=min(request.timeout, _TRIAL_SECONDS))

    async def trial(wishes: Sequence[str], virtual: Mapping[str, str]) -> Sequence[Any] | None:
        try:
            return await _solve(quick, platform, gateway, wishes, virtual=virtual)
        except SolverError:
            return None

    explainer = Explainer(
        request=request, platform=platform, gateway=gateway, trial=trial, tree=tree
    )
    try:
        found = await explainer.explain()
    except (GatewayError, OSError):
        found = None  # the engine's own words are better than none
    if found is None:
        found = Explanation(clash=f"no set of packages for {platform.platform} satisfies the spec")
    error = SolveError(
        "\n".join((found.clash, *found.details)),
        where=request.environment,
        hint=_hint(request, found.edits),
    )
    error.log = tree
    error.edits = found.edits
    return error


def _hint(request: SolveRequest, edits: Sequence[SpecEdit]) -> str:
    words = [edit.words for edit in edits]
    if words:
        return "this was tried and solves: " + "; or ".join(words)
    if len(request.platforms) > 1:
        return "loosen one of the wishes that are named, or leave this platform out"
    return "loosen one of the wishes that are named"


def _unavailable(request: SolveRequest, exc: Exception) -> SolveUnavailableError:
    said = redact(str(exc)).strip()
    return SolveUnavailableError(
        f"a channel could not be read: {said}",
        where=request.environment,
        hint="check the network and the channels: "
        + ", ".join(redact(channel) for channel in request.channels),
    )


def first_reason(message: str) -> str:
    """Shorten a message to what a list of dropped platforms can hold."""
    text = message.splitlines()[0] if message else ""
    return text if len(text) <= 200 else text[:197] + "..."
