"""Both halves of an environment: conda's packages first, then what PyPI adds beside them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from gitstore.errors import SolveError
from gitstore.model.work import PlatformRequest, Solution, SolvedPackage, SolveRequest
from gitstore.solvers.rattler import RattlerSolver, first_reason


class BothHalves:
    """Solves with py-rattler, and with uv where something of PyPI is wanted."""

    def __init__(self, cache: Path) -> None:
        self._conda = RattlerSolver(cache)
        self._cache = cache

    def solve(self, request: SolveRequest) -> Solution:
        """Solve all platforms of one environment.

        Raises:
            SolveError: a platform that was asked for by name has no solution, or none has.
            SolveUnavailableError: a channel or an index could not be read.
        """
        solution = self._conda.solve(request)
        if request.pypi is None:
            return solution
        started = time.monotonic()
        platforms = [each for each in request.platforms if each.platform in solution.platforms]
        with ThreadPoolExecutor(max_workers=len(platforms)) as pool:
            halves = list(pool.map(lambda each: self._half(request, solution, each), platforms))
        found = dict(solution.platforms)
        dropped = dict(solution.dropped)
        for platform, half in zip(platforms, halves, strict=True):
            if not isinstance(half, SolveError):
                found[platform.platform] = (*found[platform.platform], *half)
                continue
            if half.retryable or request.platforms_asked or len(found) == 1:
                raise half
            del found[platform.platform]
            dropped[platform.platform] = first_reason(half.message)
        return replace(
            solution,
            platforms=found,
            dropped=dropped,
            seconds=solution.seconds + time.monotonic() - started,
        )

    def _half(
        self, request: SolveRequest, solution: Solution, platform: PlatformRequest
    ) -> tuple[SolvedPackage, ...] | SolveError:
        # Few environments have a second half, and its resolver is slow to load.
        from gitstore.model.pypinames import provided_distributions  # noqa: PLC0415
        from gitstore.solvers.pypi import PypiProblem, UvResolver  # noqa: PLC0415

        conda = solution.platforms[platform.platform]
        if request.pypi is None or not platform.pypi:
            return ()
        python = _python(conda)
        if python is None:
            return SolveError(
                "packages of PyPI are wanted, and no `python` is among the conda packages",
                where=request.environment,
                code="pypi-unsolvable",
                hint="add `- python=3.12` to `dependencies:`",
            )
        facts = [(p.name, p.version, p.depends, p.purls, p.noarch) for p in conda]
        problem = PypiProblem(
            environment=request.environment,
            platform=platform.platform,
            python=python,
            requirements=platform.pypi,
            provided=provided_distributions(facts),
            virtual_packages=platform.virtual_packages,
            options=request.pypi,
            preferred={p.name: p.version for p in platform.preferred if p.manager == "pip"},
            timeout=request.timeout,
            offline=request.network.offline,
            exclude_newer=request.exclude_newer,
            strategy=request.strategy,
        )
        try:
            return UvResolver(self._cache).resolve(problem)
        except SolveError as exc:
            return exc


def _python(packages: Iterable[SolvedPackage]) -> str | None:
    return next((package.version for package in packages if package.name == "python"), None)
