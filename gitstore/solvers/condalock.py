"""conda-lock itself as solver, unmodified, for teams that want exactly its result.

It runs in a child process over a front that py-rattler answers, so that it needs no conda on the
machine. Its lockfile is read, the facts that it leaves out come from the channels, and what is
written in the end is a lockfile of ours with its packages.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from gitstore.errors import SolveError, TaskTimeoutError
from gitstore.model.channels import redact
from gitstore.model.lockfile import LockedPackage
from gitstore.model.lockread import parse_lockfile
from gitstore.model.pypisettings import PYPI
from gitstore.model.work import PlatformRequest, Solution, SolvedPackage, SolveRequest
from gitstore.solvers.front import VARIABLE
from gitstore.solvers.rattler import RattlerSolver, first_reason


class CondaLockSolver:
    """Solves each platform with conda-lock; ``cache`` is a folder that processes may share."""

    def __init__(self, cache: Path) -> None:
        if importlib.util.find_spec("conda_lock") is None:
            raise SolveError(
                "`solver: conda-lock` is asked for, and conda-lock is not installed",
                code="solver-missing",
                hint="install `conda-gitstore[conda-lock]`",
            )
        self._cache = cache
        self._rattler = RattlerSolver(cache)
        self.name = f"conda-lock {version('conda-lock')}"

    def solve(self, request: SolveRequest) -> Solution:
        """Solve all platforms of one environment.

        Raises:
            SolveError: a platform that was asked for by name has no solution, or none has.
            SolveUnavailableError: a channel could not be read.
        """
        if request.exclude_newer is not None or request.strategy != "highest":
            raise SolveError(
                "conda-lock knows neither `exclude-newer` nor a strategy",
                where=request.environment,
                hint="leave it out, or use gitstore's own solver",
            )
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=2) as pool:
            answers = list(pool.map(lambda each: self._platform(request, each), request.platforms))
        solved: dict[str, tuple[SolvedPackage, ...]] = {}
        dropped: dict[str, str] = {}
        for platform, found in zip(request.platforms, answers, strict=True):
            if not isinstance(found, SolveError):
                solved[platform.platform] = found
            elif found.retryable or request.platforms_asked or len(request.platforms) == 1:
                raise found
            else:
                dropped[platform.platform] = first_reason(found.message)
        if not solved:
            raise next(found for found in answers if isinstance(found, SolveError))
        return Solution(
            platforms=solved,
            dropped=dropped,
            snapshots={},
            solver=self.name,
            seconds=time.monotonic() - started,
        )

    def _platform(
        self, request: SolveRequest, platform: PlatformRequest
    ) -> tuple[SolvedPackage, ...] | SolveError:
        try:
            locked = self._run(request, platform)
            return self._rattler.facts_of(request, platform, locked)
        except SolveError as exc:
            return exc

    def _run(self, request: SolveRequest, platform: PlatformRequest) -> Sequence[LockedPackage]:
        with tempfile.TemporaryDirectory(prefix="gitstore-conda-lock-") as folder:
            work = Path(folder)
            (work / "environment.yml").write_text(_environment(request, platform), encoding="utf-8")
            (work / "virtual.yml").write_text(_virtual(platform), encoding="utf-8")
            (work / "names.yml").write_text("{}\n", encoding="utf-8")
            front = work / "conda"
            python = shlex.quote(sys.executable)
            front.write_text(f'#!/bin/sh\nexec {python} -m gitstore.cli.front "$@"\n')
            front.chmod(0o755)
            settings = {
                "cache": str(self._cache / "repodata"),
                "mirrors": {base: list(urls) for base, urls in request.network.mirrors.items()},
                "offline": request.network.offline,
            }
            command = [
                *("env", f"{VARIABLE}={json.dumps(settings)}"),
                *(sys.executable, "-m", "conda_lock", "lock", "--conda", str(front)),
                *("-f", str(work / "environment.yml"), "--lockfile", str(work / "lock.yml")),
                *("--virtual-package-spec", str(work / "virtual.yml")),
                # Its table of names would be fetched from the network; without one, names agree.
                *("--pypi_to_conda_lookup_file", (work / "names.yml").as_uri()),
            ]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=request.timeout, check=False
                )
            except subprocess.TimeoutExpired as exc:
                raise TaskTimeoutError(
                    f"conda-lock took longer than {request.timeout:.0f} s for {platform.platform}",
                    where=request.environment,
                ) from exc
            if done.returncode != 0:
                raise self._failure(request, platform, done.stderr)
            data = (work / "lock.yml").read_bytes()
        return parse_lockfile(data, where="conda-lock").on(platform.platform)

    def _failure(self, request: SolveRequest, platform: PlatformRequest, said: str) -> SolveError:
        """Say why in plain words: our own solver is asked the same, for its explanation."""
        alone = replace(request, platforms=(platform,), platforms_asked=True, pypi=None)
        try:
            self._rattler.solve(alone)
        except SolveError as exc:
            return exc
        error = SolveError(
            f"conda-lock found no solution for {platform.platform}",
            where=request.environment,
            hint="`-v` shows what it said",
        )
        error.log = redact(said)[-4000:]
        return error


def _environment(request: SolveRequest, platform: PlatformRequest) -> str:
    lines = ["channels:", *(f"  - {json.dumps(channel)}" for channel in request.channels)]
    lines += ["  - nodefaults", f"platforms: [{platform.platform}]"]
    if request.pypi is not None and request.pypi.indexes[0] != PYPI:
        lines += ["pip-repositories:", *(f"  - {json.dumps(url)}" for url in request.pypi.indexes)]
    lines += ["dependencies:", *(f"  - {json.dumps(text)}" for text in platform.dependencies)]
    if platform.pypi:
        lines += ["  - pip:", *(f"      - {json.dumps(text)}" for text in platform.pypi)]
    return "\n".join(lines) + "\n"


def _virtual(platform: PlatformRequest) -> str:
    lines = ["subdirs:", f"  {platform.platform}:", "    packages:"]
    for name, text in platform.virtual_packages.items():
        number, _, build = text.partition("=")
        lines.append(f"      {name}: {json.dumps(f'{number} {build}'.strip())}")
    return "\n".join(lines) + "\n"
