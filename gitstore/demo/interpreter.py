"""CPython as conda packages, taken from an interpreter of this machine."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitstore.demo.libraries import (
    SharedLibrary,
    find_libraries,
    glibc_floor,
    library_packages,
    needed,
    set_run_path,
)
from gitstore.demo.package import (
    PLACEHOLDER,
    CondaPackage,
    FileContent,
    PrefixMode,
    Symlink,
    build_string,
)
from gitstore.errors import GitstoreError

_SUBDIRS = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "ppc64le": "linux-ppc64le"}

_POSSIBLE = {
    "implementation": {"cpython"},
    "release level": {"final"},
    "libc": {"glibc"},
    "library folder": {"lib"},
    "machine": set(_SUBDIRS),
}

# Asked of the interpreter itself; of a virtual environment it gives what that was made from.
_QUESTION = """
import json, os, platform, sys, sysconfig
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "release level": sys.version_info.releaselevel,
    "implementation": sys.implementation.name + getattr(sys, "abiflags", ""),
    "libc": platform.libc_ver()[0],
    "machine": platform.machine(),
    "stdlib": sysconfig.get_path("stdlib"),
    "library folder": sys.platlibdir,
    "debian": "deb_system" in sysconfig.get_scheme_names(),
}))
"""

_LEFT_OUT = re.compile(
    # Nobody runs these out of a conda environment, or they need a display.
    r"(.*/)?(__pycache__|test|tests|idle_test)/.*"
    r"|(idlelib|tkinter|turtledemo|lib2to3|lib-dynload)/.*|turtle\.py"
    # They install into the machine's Python, and Debian's refuse to do anything else.
    r"|(distutils|ensurepip|site-packages|dist-packages)/.*|_distutils_system_mod\.py"
    r"|EXTERNALLY-MANAGED|(site|user)customize\.py"
    # What is needed to build against this very copy.
    r"|config-\d.*/.*|build-details\.json|.*\.(a|o)"
)
_LEFT_OUT_MODULES = re.compile(r"(_test|_xx|xx|_ctypes_test|_tkinter|nis\.).*")

# Debian's Python keeps packages in dist-packages. What decides on that is compiled into it
# (`site` is a frozen module), so the copy is set right by the hook that `site` ends with.
_SITECUSTOMIZE = b'''\
"""Let this Python, which was built for Debian's layout, use site-packages."""

import os
import site
import sys


def getsitepackages(prefixes=None):
    """Return the site-packages folder of each prefix."""
    version = "python%d.%d" % sys.version_info[:2]
    distinct = dict.fromkeys(site.PREFIXES if prefixes is None else prefixes)
    return [os.path.join(prefix, "lib", version, "site-packages") for prefix in distinct]


site.getsitepackages = getsitepackages
for folder in getsitepackages():
    if folder not in sys.path:
        site.addsitedir(folder)
'''
# Where Debian's `sysconfig` prefers its own layouts, the copy prefers the usual ones.
_SYSCONFIG = {"sysconfig.py", "sysconfig/__init__.py"}
_PREFERRED_SCHEMES = """\
def _get_preferred_schemes():
    return {"prefix": "posix_prefix", "home": "posix_home", "user": "posix_user"}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """An interpreter of this machine and where its parts are."""

    executable: Path
    version: str
    subdir: str
    stdlib: Path
    debian: bool

    @property
    def series(self) -> str:
        return self.version.rpartition(".")[0]

    @property
    def modules(self) -> list[Path]:
        found = sorted((self.stdlib / "lib-dynload").glob("*.so"))
        return [path for path in found if not _LEFT_OUT_MODULES.fullmatch(path.name)]


def inspect_interpreter(executable: Path) -> Interpreter:
    """Ask the interpreter about itself, and refuse one that cannot be packaged."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True
        )
        facts: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise GitstoreError(f"`{executable}` does not run as a Python interpreter") from error
    differing = [f"{key} `{facts[key]}`" for key in _POSSIBLE if facts[key] not in _POSSIBLE[key]]
    if differing:
        raise GitstoreError(
            f"`{executable}` cannot become a conda package: {', '.join(differing)}",
            hint="name a released CPython on Linux with glibc",
        )
    return Interpreter(
        executable=Path(facts["executable"]),
        version=facts["version"],
        subdir=_SUBDIRS[facts["machine"]],
        stdlib=Path(facts["stdlib"]),
        debian=facts["debian"],
    )


def python_packages(executable: Path, stage: Path) -> list[CondaPackage]:
    """``python``, ``python_abi`` and every library they need but glibc."""
    interpreter = inspect_interpreter(executable)
    found = find_libraries([interpreter.executable, *interpreter.modules])
    own = [library for library in found if library.soname.startswith("libpython")]
    others = [library for library in found if library not in own]
    return [
        _python(interpreter, own, others, stage / "python"),
        _python_abi(interpreter.series),
        *library_packages(others, interpreter.subdir, stage),
    ]


def _python(
    interpreter: Interpreter, own: list[SharedLibrary], others: list[SharedLibrary], stage: Path
) -> CondaPackage:
    series = interpreter.series
    home = f"lib/python{series}"
    binaries = _copy_binaries(interpreter, own, stage)
    asked = needed(list(binaries.values()))
    sysconfigdata = {
        f"{home}/{path.name}": _relocatable(path.read_text(encoding="utf-8"))
        for path in interpreter.stdlib.glob("_sysconfigdata_*.py")
    }
    prefix_files: dict[str, PrefixMode] = dict.fromkeys(sysconfigdata, "text")
    files: dict[str, FileContent] = {
        **{f"{home}/{path}": content for path, content in _standard_library(interpreter)},
        **sysconfigdata,
        **binaries,
        **{
            f"lib/{library.soname}": Symlink(library.path.name)
            for library in own
            if library.soname != library.path.name
        },
        "bin/python": Symlink(f"python{series}"),
        "bin/python3": Symlink(f"python{series}"),
        f"{home}/site-packages/README.txt": b"Packages are installed here.\n",
    }
    contents = [files[path] for path in sorted(files)]
    return CondaPackage(
        name="python",
        version=interpreter.version,
        build=f"{build_string(*contents)}_cpython",
        subdir=interpreter.subdir,
        depends=(
            glibc_floor(binaries.values()),
            *sorted({f"{lib.package} >={lib.version}" for lib in others if lib.soname in asked}),
            "tzdata",
        ),
        constrains=(f"python_abi {series}.* *_{_abi(series)}",),
        license="Python-2.0",
        summary="General purpose programming language",
        files=files,
        executable=frozenset({f"bin/python{series}"}),
        prefix_files=prefix_files,
        extra_index={"python_site_packages_path": f"{home}/site-packages"},
    )


def _python_abi(series: str) -> CondaPackage:
    return CondaPackage(
        name="python_abi",
        version=series,
        build=f"0_{_abi(series)}",
        constrains=(f"python {series}.* *_cpython",),
        license="BSD-3-Clause",
        summary="Says which binary interface a package's extension modules were built for",
    )


def _abi(series: str) -> str:
    return "cp" + series.replace(".", "")


def _copy_binaries(
    interpreter: Interpreter, own: list[SharedLibrary], stage: Path
) -> dict[str, Path]:
    """Copy everything compiled, by its path in the package, to find its libraries in the prefix."""
    home = f"lib/python{interpreter.series}"
    program = {f"bin/python{interpreter.series}": interpreter.executable}
    libraries = {f"lib/{library.path.name}": library.path for library in own}
    modules = {f"{home}/lib-dynload/{path.name}": path for path in interpreter.modules}
    run_paths = (
        ("$ORIGIN/../lib", program),
        ("$ORIGIN", libraries),
        ("$ORIGIN/../..", modules),
    )
    copies: dict[str, Path] = {}
    for run_path, sources in run_paths:
        targets = {path: stage / path for path in sources}
        for path, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources[path], target)
        if targets:
            set_run_path(run_path, list(targets.values()))
        copies |= targets
    return copies


def _standard_library(interpreter: Interpreter) -> Iterator[tuple[str, FileContent]]:
    for path in sorted(_kept_files(interpreter.stdlib)):
        source = interpreter.stdlib / path
        if interpreter.debian and path in _SYSCONFIG:
            yield path, _with_usual_schemes(source.read_text(encoding="utf-8")).encode()
        else:
            yield path, source
    if interpreter.debian:
        yield "sitecustomize.py", _SITECUSTOMIZE


def _kept_files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        inside = "" if folder == str(root) else f"{os.path.relpath(folder, root)}/"
        # Pruned here and not after: site-packages can be larger than all the rest.
        folders[:] = [name for name in folders if not _LEFT_OUT.fullmatch(f"{inside}{name}/")]
        yield from (path for name in names if not _LEFT_OUT.fullmatch(path := inside + name))


def _with_usual_schemes(source: str) -> str:
    replaced = "_get_preferred_schemes"
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == replaced:
            lines[node.lineno - 1 : node.end_lineno] = [_PREFERRED_SCHEMES]
            return "".join(lines)
    raise GitstoreError(f"this Python's `sysconfig` has no function `{replaced}`")


def _relocatable(sysconfigdata: str) -> bytes:
    """The build's record of itself, with the placeholder for the prefix it was built for."""
    assignment = ast.parse(sysconfigdata).body[-1]
    if not isinstance(assignment, ast.Assign):
        raise GitstoreError("this Python's `_sysconfigdata` does not look like one")
    variables: dict[str, Any] = ast.literal_eval(assignment.value)
    built_for = re.compile(re.escape(variables["prefix"]) + r"(?![\w.-])")
    moved = {
        **{
            key: built_for.sub(PLACEHOLDER, value) if isinstance(value, str) else value
            for key, value in variables.items()
        },
        "LIBDIR": f"{PLACEHOLDER}/lib",
        "TZPATH": f"{PLACEHOLDER}/share/zoneinfo",
    }
    lines = [f" {key!r}: {value!r},\n" for key, value in moved.items()]
    return "".join(["build_time_vars = {\n", *lines, "}\n"]).encode()
