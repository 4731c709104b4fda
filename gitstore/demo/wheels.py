"""Wheels from PyPI, and the conda packages they become."""

from __future__ import annotations

import csv
import io
import posixpath
import re
import shutil
import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, platform_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from gitstore.demo.libraries import is_elf, needed, package_name
from gitstore.demo.package import PLACEHOLDER, TIMESTAMP, CondaPackage, FileContent, build_string
from gitstore.errors import GitstoreError

Report: TypeAlias = Callable[[str], None]

# conda-forge's names, where they are not PyPI's.
_CONDA_NAMES = {
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "typing-extensions": "typing_extensions",
    "tzdata": "python-tzdata",
}

# What manylinux lets a wheel expect of the machine and a conda prefix brings.
EXPECTED_LIBRARIES = {"libgcc_s.so.1", "libstdc++.so.6"}
_LEGACY_MANYLINUX = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}

_LAUNCHER = """\
#!{placeholder}/bin/python
import sys

from {module} import {name}

if __name__ == "__main__":
    sys.exit({function}())
"""


def ignore(_: str) -> None:
    """Take a progress phrase and do nothing with it."""


def download_wheels(
    requirements: Sequence[str],
    python_version: str,
    destination: Path,
    *,
    cache: Path | None = None,
    dependencies: bool = True,
    report: Report = ignore,
) -> list[Path]:
    """Fetch wheels for this machine and the Python version, with what they depend on.

    PyPI is not asked when the cache holds all of them; otherwise the cache gets what came.
    """
    if not requirements:
        return []
    destination.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"),
        *("--no-cache-dir", "--progress-bar=off", "--only-binary=:all:", "--implementation=cp"),
        *(f"--python-version={python_version}", f"--dest={destination}"),
        *(f"--platform={tag}" for tag in platform_tags()),
        *([] if dependencies else ["--no-deps"]),
        *requirements,
    ]
    if cache is None:
        _download(command, report)
    elif not _found_in(cache, command):
        _download([*command, f"--find-links={cache}"], report)
        _remember(destination, cache)
    return sorted(destination.glob("*.whl"))


def wheel_package(
    path: Path, python_version: str, subdir: str, stage: Path, *, timestamp: int = TIMESTAMP
) -> CondaPackage:
    """Convert one wheel: a pure one to ``noarch: python``, a binary one for this Python alone."""
    wheel = _Wheel.unpack(path, python_version, stage / path.stem)
    layout = _NOARCH if wheel.pure else wheel.installed
    launchers = {} if wheel.pure else _launchers(wheel)
    files = {**_contents(wheel, layout), **launchers}
    return CondaPackage(
        name=conda_name(wheel.name),
        version=wheel.version,
        build=build_string(path, before="py" if wheel.pure else f"py{wheel.abi}"),
        subdir="noarch" if wheel.pure else subdir,
        depends=tuple(sorted(_depends(wheel))),
        noarch="python" if wheel.pure else None,
        license=_license(wheel),
        summary=wheel.fact("summary"),
        timestamp=timestamp,
        purls=(f"pkg:pypi/{wheel.name}@{wheel.version}",),
        files=files,
        executable=frozenset(path for path in files if path.startswith(f"{layout.scripts}/")),
        prefix_files={
            path: "text"
            for path, content in files.items()
            if isinstance(content, bytes) and PLACEHOLDER.encode() in content
        },
        entry_points=tuple(
            f"{entry.name} = {entry.module}:{entry.attr}" for entry in wheel.commands if wheel.pure
        ),
    )


def conda_name(distribution: str) -> str:
    name = canonicalize_name(distribution)
    return _CONDA_NAMES.get(name, name)


def conda_spec(requirement: Requirement) -> str:
    """A wheel's requirement as a MatchSpec; extras have no counterpart and are dropped."""
    return f"{conda_name(requirement.name)} {_conda_versions(requirement.specifier)}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Where a package keeps modules and scripts."""

    modules: str
    scripts: str

    def place(self, member: str) -> str:
        """The path in the package for a path in the wheel."""
        top, *parts = member.split("/")
        if not top.endswith(".data"):
            return f"{self.modules}/{member}"
        kind, *rest = parts
        folders = {
            "purelib": [self.modules],
            "platlib": [self.modules],
            "scripts": [self.scripts],
            "headers": ["include", top.partition("-")[0]],
            "data": [],
        }
        return "/".join([*folders[kind], *rest])


# The installer moves these two, when it knows the Python.
_NOARCH = _Layout(modules="site-packages", scripts="python-scripts")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wheel:
    """An unpacked wheel and the Python version it is converted for."""

    name: str
    version: str
    tags: frozenset[Tag]
    root: Path
    info: Path
    python_version: str

    @classmethod
    def unpack(cls, path: Path, python_version: str, root: Path) -> _Wheel:
        name, version, _, tags = parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(root)
        return cls(
            name=name,
            version=str(version),
            tags=tags,
            root=root,
            info=next(root.glob("*.dist-info")),
            python_version=python_version,
        )

    @property
    def pure(self) -> bool:
        return all(tag.platform == "any" for tag in self.tags)

    @property
    def series(self) -> str:
        return ".".join(self.python_version.split(".")[:2])

    @property
    def abi(self) -> str:
        return self.series.replace(".", "")

    @property
    def installed(self) -> _Layout:
        return _Layout(modules=f"lib/python{self.series}/site-packages", scripts="bin")

    @property
    def members(self) -> dict[str, Path]:
        found = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path for path in found}

    @property
    def commands(self) -> list[EntryPoint]:
        groups = {"console_scripts", "gui_scripts"}
        declared = Distribution.at(self.info).entry_points
        return [entry for entry in declared if entry.group in groups]

    @property
    def glibc_floor(self) -> str:
        """A wheel with several tags runs where the oldest of them does."""
        newer = re.findall(r"manylinux_2_(\d+)_", " ".join(tag.platform for tag in self.tags))
        legacy = [_LEGACY_MANYLINUX.get(tag.platform.partition("_")[0]) for tag in self.tags]
        minors = [*map(int, newer), *(minor for minor in legacy if minor)]
        return f"2.{min(minors, default=17)}"

    def fact(self, key: str) -> str:
        return str(Distribution.at(self.info).metadata.json.get(key) or "")


def _contents(wheel: _Wheel, layout: _Layout) -> dict[str, FileContent]:
    files: dict[str, FileContent] = {}
    for member, path in wheel.members.items():
        placed = layout.place(member)
        is_script = placed.startswith(f"{layout.scripts}/")
        files[placed] = _with_interpreter(path.read_bytes()) if is_script else path
    info = f"{layout.modules}/{wheel.info.name}"
    return {**files, f"{info}/INSTALLER": b"conda\n", f"{info}/RECORD": _record(wheel)}


def _license(wheel: _Wheel) -> str:
    facts = Distribution.at(wheel.info).metadata.json
    classifiers = [one for one in facts.get("classifier", ()) if one.startswith("License ::")]
    named = [one.rpartition(" :: ")[2] for one in classifiers]
    # Old wheels have the name of the license in this field, or all of its text, or "UNKNOWN".
    free = wheel.fact("license").split("\n")[0].replace("UNKNOWN", "")
    return wheel.fact("license_expression") or free or " AND ".join(named)


def _with_interpreter(script: bytes) -> bytes:
    """Wheels write ``#!python`` for the interpreter that nobody knew yet."""
    return re.sub(rb"^#!pythonw?", f"#!{PLACEHOLDER}/bin/python".encode(), script, count=1)


def _record(wheel: _Wheel) -> bytes:
    """The wheel's list of its files, by the paths that they are installed to."""
    layout = wheel.installed
    rows = [*csv.reader(io.StringIO((wheel.info / "RECORD").read_text(encoding="utf-8")))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for member, *digests in [*rows, [f"{wheel.info.name}/INSTALLER", "", ""]]:
        placed = layout.place(member)
        # Digests are optional, and those of scripts change with the prefix.
        kept = ["", ""] if placed.startswith(f"{layout.scripts}/") else digests
        writer.writerow([posixpath.relpath(placed, layout.modules), *kept])
    return text.getvalue().encode()


def _launchers(wheel: _Wheel) -> dict[str, FileContent]:
    """What an installer makes of entry points; in a ``noarch`` package it still will."""
    return {
        f"{wheel.installed.scripts}/{entry.name}": _LAUNCHER.format(
            placeholder=PLACEHOLDER,
            module=entry.module,
            name=entry.attr.partition(".")[0],
            function=entry.attr,
        ).encode()
        for entry in wheel.commands
    }


def _depends(wheel: _Wheel) -> set[str]:
    environment = {
        "python_version": wheel.series,
        "python_full_version": wheel.python_version,
        "extra": "",
    }
    requirements = map(Requirement, Distribution.at(wheel.info).requires or ())
    depends = {
        conda_spec(requirement)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }
    if wheel.pure:
        versions = _conda_versions(SpecifierSet(wheel.fact("requires_python")))
        return depends | {f"python {versions}".strip()}
    binaries = [path for path in wheel.members.values() if is_elf(path)]
    return depends | {
        f"python {wheel.series}.*",
        f"python_abi {wheel.series}.* *_cp{wheel.abi}",
        f"__glibc >={wheel.glibc_floor},<3.0.a0",
        *(package_name(soname) for soname in needed(binaries) & EXPECTED_LIBRARIES),
    }


def _conda_versions(specifiers: SpecifierSet) -> str:
    """PEP 440's clauses as conda's: only equality is written in another way."""
    return ",".join(sorted(re.sub(r"^===?(?=.*\*$)|^===", "", str(one)) for one in specifiers))


def _found_in(cache: Path, command: Sequence[str]) -> bool:
    offline = [*command, "--no-index", f"--find-links={cache}"]
    return subprocess.run(offline, capture_output=True, check=False).returncode == 0


def _download(command: Sequence[str], report: Report) -> None:
    tail: deque[str] = deque(maxlen=12)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        for line in pip.stdout or ():
            tail.append(line.rstrip())
            if found := re.match(r"\s*Downloading (\S+?)-(\d[^-]*)-\S+\.whl (\(.+\))", line):
                report(f"downloading {found[1]} {found[2]} {found[3]}")
    if pip.returncode == 0:
        return
    if any(line.endswith("No module named pip") for line in tail):
        raise GitstoreError("pip is missing", hint="install the extra `conda-gitstore[demo]`")
    reasons = [line for line in tail if line.startswith("ERROR:")] or tail
    raise GitstoreError(
        "pip could not fetch wheels: " + "\n".join(reasons),
        hint="see whether `python -m pip download click` works here",
    )


def _remember(wheels: Path, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    for wheel in wheels.glob("*.whl"):
        if not (cache / wheel.name).exists():
            shutil.copyfile(wheel, cache / wheel.name)
