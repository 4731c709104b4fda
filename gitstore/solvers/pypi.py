"""The PyPI half, by uv: resolved beside what conda brings, for one platform at a time.

Two runs of ``uv pip compile``: the first resolves and says who wants whom, the second, which asks
nobody, gives the files of exactly that. What conda brings enters as a constraint and as a stub
wheel, so that a clash is found and nothing of it is looked up or installed twice.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from gitstore.errors import SolveError, SolveUnavailableError, TaskTimeoutError
from gitstore.model.channels import redact
from gitstore.model.pypinames import Provided
from gitstore.model.work import PypiOptions, SolvedPackage
from gitstore.solvers.wheels import best_wheel, supported_tags, write_stub

# What uv can resolve for, by conda's platform; glibc's version is appended where there is a choice.
_TARGETS = {
    "linux-64": "x86_64-manylinux",
    "linux-aarch64": "aarch64-manylinux",
    "osx-64": "x86_64-apple-darwin",
    "osx-arm64": "aarch64-apple-darwin",
    "win-64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
    "win-32": "i686-pc-windows-msvc",
}
_GLIBCS = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_LINE = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:==(\S+)| @ (\S+))\s*(?:#\s*via\s+(.*))?$"
)
_NETWORK = re.compile(
    r"failed to fetch|error sending request|connection|dns|timed? ?out|status code: 5|"
    r"network was disabled|not in the cache|offline",
    re.IGNORECASE,
)
_EXTENSIONS = (".tar.gz", ".zip", ".tar.bz2", ".tgz")


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiProblem:
    """One platform's PyPI half: what is wanted, and what is there already.

    ``preferred`` are versions by name, kept where nothing forces them; ``python`` is a full
    version. ``offline`` uses what the cache holds.
    """

    environment: str
    platform: str
    python: str
    requirements: tuple[str, ...]
    provided: tuple[Provided, ...]
    virtual_packages: Mapping[str, str]
    options: PypiOptions
    preferred: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 600.0
    offline: bool = False
    exclude_newer: str | None = None
    strategy: str = "highest"


class UvResolver:
    """Resolves with uv; ``cache`` is a folder that processes may share."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def resolve(self, problem: PypiProblem) -> tuple[SolvedPackage, ...]:
        """Return the distributions that are missing, each one file with its hash.

        Raises:
            SolveError: the wishes fit neither each other nor what conda brings.
            SolveUnavailableError: an index could not be read.
        """
        target = _target(problem)
        with tempfile.TemporaryDirectory(prefix="gitstore-uv-") as folder:
            work = Path(folder)
            stubs = work / "stubs"
            stubs.mkdir()
            for each in problem.provided:
                write_stub(stubs, each)
            _write(work / "wanted.txt", problem.requirements)
            pins = [f"{each.name}=={each.version}" for each in problem.provided]
            _write(work / "conda.txt", [*pins, *problem.options.constraints])
            # What stands in the output file is preferred by uv, as in any pip-compile.
            kept = [f"{name}=={version}" for name, version in sorted(problem.preferred.items())]
            _write(work / "pins.txt", kept)
            common = [
                *("--python-platform", target, "--python-version", problem.python),
                *("--find-links", str(stubs), "-c", str(work / "conda.txt")),
                *self._options(problem),
            ]
            wanted = str(work / "wanted.txt")
            self._run(
                problem,
                [wanted, *common, "--annotation-style", "line", "-o", str(work / "pins.txt")],
            )
            resolved = _read_pins((work / "pins.txt").read_text(encoding="utf-8"))
            _write(
                work / "exact.txt", [f"{n}=={p.version}" for n, p in resolved.items() if p.version]
            )
            provided = {each.name for each in problem.provided}
            without = [f"--no-emit-package={name}" for name in sorted(provided)]
            again = [wanted, *common, "-c", str(work / "exact.txt"), *without]
            self._run(problem, [*again, "--format", "pylock.toml", "-o", str(work / "pylock.toml")])
            locked = _toml((work / "pylock.toml").read_text(encoding="utf-8"))
        return _packages(problem, locked.get("packages", []), resolved, provided)

    def _options(self, problem: PypiProblem) -> list[str]:
        options = problem.options
        main, *extra = options.indexes
        words = ["--default-index", main]
        for url in extra:
            words += ["--index", url]
        if not options.sdists:
            words.append("--no-build")
        if options.prereleases:
            words += ["--prerelease", "allow"]
        if problem.offline:
            words.append("--offline")
        if problem.exclude_newer is not None:
            words += ["--exclude-newer", problem.exclude_newer]
        if problem.strategy != "highest":
            words += ["--resolution", problem.strategy]
        return words

    def _run(self, problem: PypiProblem, arguments: Sequence[str]) -> None:
        osx = problem.virtual_packages.get("__osx", "11.0").partition("=")[0]
        command = [
            # uv reads from there which macOS wheels may ask for; elsewhere it means nothing.
            *("env", f"MACOSX_DEPLOYMENT_TARGET={osx}"),
            *(_uv(), "pip", "compile", *arguments),
            *("--no-config", "--no-header", "--quiet", "--color", "never", "--no-progress"),
            *("--cache-dir", str(self._cache / "uv"), "--python", sys.executable),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=problem.timeout, check=False
            )
        except subprocess.TimeoutExpired as exc:
            raise TaskTimeoutError(
                f"the PyPI half of {problem.platform} took longer than {problem.timeout:.0f} s",
                where=problem.environment,
                hint="raise `executor: {timeouts: {solve: …}}` in store.yml",
            ) from exc
        if done.returncode != 0:
            raise _error(problem, done.stderr)


def _uv() -> str:
    from uv import find_uv_bin  # noqa: PLC0415  only where something of PyPI is wanted

    return str(find_uv_bin())


def _target(problem: PypiProblem) -> str:
    base = _TARGETS.get(problem.platform)
    if base is None:
        raise SolveError(
            f"packages of PyPI cannot be locked for {problem.platform}",
            where=problem.environment,
            code="pypi-unsolvable",
            hint=f"take them from a conda channel, or leave {problem.platform} out",
        )
    if not base.endswith("manylinux"):
        return base
    glibc = problem.virtual_packages.get("__glibc", "2.17").partition("=")[0].split(".")
    minor = int(glibc[1]) if len(glibc) > 1 and glibc[1].isdigit() else 17
    return f"{base}_2_{max((each for each in _GLIBCS if each <= minor), default=17)}"


def _write(file: Path, lines: Sequence[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pin:
    version: str
    wanted_by: tuple[str, ...]


def _read_pins(text: str) -> dict[str, _Pin]:
    """Read ``name==version  # via a, b``; a word after ``via`` that is a file is nobody."""
    pins: dict[str, _Pin] = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            words = (word.strip() for word in (match[4] or "").split(","))
            parents = tuple(canonicalize_name(w) for w in words if w and not w.startswith("-"))
            pins[canonicalize_name(match[1])] = _Pin(version=match[2] or "", wanted_by=parents)
    return pins


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415  not in 3.10
    else:
        import tomli as tomllib  # noqa: PLC0415
    return tomllib.loads(text)


def _packages(
    problem: PypiProblem,
    locked: Sequence[Mapping[str, Any]],
    pins: Mapping[str, _Pin],
    provided: set[str],
) -> tuple[SolvedPackage, ...]:
    wants: dict[str, list[str]] = {}
    for name, pin in pins.items():
        for parent in pin.wanted_by:
            wants.setdefault(parent, []).append(name)
    tags = supported_tags(problem.platform, problem.python, dict(problem.virtual_packages))
    found = []
    for entry in locked:
        name = canonicalize_name(entry["name"])
        if name not in provided:
            file = _file_of(problem, entry, name, tags)
            found.append(_package(problem, entry, name, file, sorted(wants.get(name, ()))))
    return tuple(sorted(found, key=lambda package: package.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    url: str
    sha256: str
    size: int | None
    version: str


def _file_of(problem: PypiProblem, entry: Mapping[str, Any], name: str, tags: Any) -> _File:
    """Choose the file of one package of a ``pylock.toml`` (PEP 751)."""
    version = entry.get("version", "")
    if "vcs" in entry:
        vcs = entry["vcs"]
        below = f"#subdirectory={vcs['subdirectory']}" if "subdirectory" in vcs else ""
        commit = vcs["commit-id"]
        url = f"{vcs['type']}+{vcs['url']}@{commit}{below}"
        return _File(url=url, sha256=commit, size=None, version=version or f"0+{commit[:12]}")
    if "archive" in entry:
        return _checked(problem, name, entry["archive"], version)
    wheels = {wheel["url"].rpartition("/")[2]: wheel for wheel in entry.get("wheels", ())}
    best = best_wheel(wheels, tags)
    if best is not None:
        return _checked(problem, name, wheels[best], version)
    if "sdist" in entry and problem.options.sdists:
        return _checked(problem, name, entry["sdist"], version)
    raise SolveError(
        f"`{name}` {version} has no wheel for {problem.platform}",
        where=problem.environment,
        code="pypi-unsolvable",
        hint="another version may have one; or take it from a conda channel",
    )


def _checked(problem: PypiProblem, name: str, file: Mapping[str, Any], version: str) -> _File:
    url, hashes = file["url"], file.get("hashes", {})
    sha256 = hashes.get("sha256", "")
    demanded = problem.options.hashes.get(name, ())
    if demanded and f"sha256:{sha256}" not in demanded:
        raise SolveError(
            f"no file of `{name}` {version} for {problem.platform} has the hash that is wanted",
            where=problem.environment,
            code="pypi-unsolvable",
            hint="correct `--hash` in the spec, or remove it: the lockfile keeps the hash anyhow",
        )
    if not sha256:
        raise SolveError(
            f"the index gives no SHA-256 for `{name}` {version}",
            where=problem.environment,
            code="pypi-unsolvable",
            hint="use an index that gives hashes (PEP 503)",
        )
    version = version or _version_in(url)
    return _File(url=url, sha256=sha256, size=file.get("size"), version=version)


def _version_in(url: str) -> str:
    name = url.partition("#")[0].rpartition("/")[2]
    try:
        return str(parse_wheel_filename(name)[1])
    except InvalidWheelFilename:
        stem = next((name.removesuffix(end) for end in _EXTENSIONS if name.endswith(end)), name)
        return stem.rpartition("-")[2] or "0"


def _package(
    problem: PypiProblem, entry: Mapping[str, Any], name: str, file: _File, wants: list[str]
) -> SolvedPackage:
    return SolvedPackage(
        manager="pip",
        name=name,
        version=file.version,
        build="",
        build_number=0,
        subdir=problem.platform,
        url=redact(file.url),
        sha256=file.sha256,
        md5="",
        size=file.size,
        license=None,
        timestamp=None,
        depends=tuple(wants),
        constrains=(),
        noarch=None,
        purls=(f"pkg:pypi/{name}@{entry.get('version', file.version)}",),
    )


def _error(problem: PypiProblem, said: str) -> SolveError:
    """Turn uv's words into ours: the first cause, without the paths of our scratch folder."""
    lines = [redact(line).strip() for line in said.splitlines() if line.strip()]
    text = " ".join(line.removeprefix("cause:").removeprefix("error:").strip() for line in lines)
    indexes = ", ".join(map(redact, problem.options.indexes))
    text = text.replace("No solution found when resolving dependencies", "").strip(" :")
    if _NETWORK.search(text):
        return SolveUnavailableError(
            f"an index could not be read: {text[:500]}",
            where=problem.environment,
            code="pypi-unavailable",
            hint=f"check the network and the index: {indexes}",
        )
    return SolveError(
        f"the PyPI half for {problem.platform} has no solution: {text[:2000]}",
        where=problem.environment,
        code="pypi-unsolvable",
        hint=_hint(problem, text),
    )


def _hint(problem: PypiProblem, text: str) -> str:
    brought = {each.name: each.version for each in problem.provided}
    for requirement in problem.requirements:
        name = canonicalize_name(Requirement(requirement).name) if " @ " not in requirement else ""
        if name in brought and name in text:
            return (
                f"conda brings {name} {brought[name]}: take `{requirement}` out of `pip:`, or "
                f"`{name}` out of the conda packages"
            )
    clash = next((name for name in brought if f"{name}==" in text or f"{name}{{" in text), None)
    if clash is not None:
        return f"conda brings {clash} {brought[clash]}: loosen one of the two wishes"
    if "was not found in the package registry" in text:
        return "check the spelling of its name"
    return "loosen one of the wishes that are named"
