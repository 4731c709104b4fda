from __future__ import annotations

import ast
import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from gitstore.demo import interpreter
from gitstore.demo.interpreter import inspect_interpreter, python_packages
from gitstore.demo.package import PLACEHOLDER, CondaPackage
from gitstore.errors import GitstoreError

SERIES = ".".join(platform.python_version_tuple()[:2])
HOME = f"lib/python{SERIES}"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CondaPackage]:
    stage = tmp_path_factory.mktemp("stage")
    return {one.name: one for one in python_packages(Path(sys.executable), stage)}


def fake_interpreter(folder: Path, **facts: Any) -> Path:
    """A program that answers like an interpreter of other facts."""
    usual = {
        "executable": "/opt/python/bin/python3.11",
        "version": "3.11.7",
        "release level": "final",
        "implementation": "cpython",
        "libc": "glibc",
        "machine": "x86_64",
        "stdlib": "/opt/python/lib/python3.11",
        "library folder": "lib",
        "debian": False,
    }
    program = folder / "python"
    program.write_text(f"#!/bin/sh\necho '{json.dumps(usual | facts)}'\n")
    program.chmod(0o755)
    return program


def test_a_virtual_environment_leads_to_its_interpreter() -> None:
    found = inspect_interpreter(Path(sys.executable))

    assert found.version == platform.python_version()
    assert found.series == SERIES
    assert found.executable.is_file()
    assert found.stdlib.is_relative_to(sys.base_prefix)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("implementation", "pypy"),
        ("implementation", "cpythont"),
        ("release level", "candidate"),
        ("libc", ""),
        ("machine", "riscv64"),
        ("library folder", "lib64"),
    ],
)
def test_interpreters_that_cannot_be_packaged_are_refused(
    tmp_path: Path, fact: str, value: str
) -> None:
    with pytest.raises(GitstoreError, match=f"{fact} `{value}`"):
        inspect_interpreter(fake_interpreter(tmp_path, **{fact: value}))


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false", "/nowhere/python"])
def test_what_is_no_interpreter_is_refused(program: str) -> None:
    with pytest.raises(GitstoreError, match="does not run as a Python interpreter"):
        inspect_interpreter(Path(program))


def test_python_comes_with_its_abi_and_libraries(packages: dict[str, CondaPackage]) -> None:
    python, abi = packages["python"], packages["python_abi"]

    named = {depend.partition(" ")[0] for depend in python.depends}
    assert named - packages.keys() == {"__glibc", "tzdata"}
    assert {"openssl", "libsqlite", "readline"} <= named
    assert python.constrains == (f"python_abi {abi.version}.* *_cp{SERIES.replace('.', '')}",)
    assert python.extra_index == {"python_site_packages_path": f"{HOME}/site-packages"}


def test_python_has_what_people_run_and_no_more(packages: dict[str, CondaPackage]) -> None:
    files = packages["python"].files

    assert {"bin/python", f"bin/python{SERIES}", f"{HOME}/os.py"} <= files.keys()
    assert {f"{HOME}/unittest/mock.py", f"{HOME}/site-packages/README.txt"} <= files.keys()
    for folder in ("test", "idlelib", "tkinter", "ensurepip", "distutils", "site-packages/pip"):
        assert not [path for path in files if path.startswith(f"{HOME}/{folder}/")]
    for part in ("__pycache__", "EXTERNALLY-MANAGED", "_tkinter", ".a"):
        assert not [path for path in files if path.endswith(part) or f"/{part}/" in path]


def test_build_variables_name_the_prefix_and_its_time_zones(
    packages: dict[str, CondaPackage],
) -> None:
    python = packages["python"]

    for path, mode in python.prefix_files.items():
        content = python.files[path]
        assert mode == "text"
        assert isinstance(content, bytes)
        variables = ast.literal_eval(content.decode().partition("=")[2].strip())
        assert variables["TZPATH"] == f"{PLACEHOLDER}/share/zoneinfo"
        assert variables["LIBDIR"] == f"{PLACEHOLDER}/lib"
        assert f"{sys.base_prefix}/" not in content.decode()


def test_prefix_is_replaced_as_a_whole_name_only() -> None:
    built = {"prefix": "/usr", "CPPFLAGS": "-I/usr/include", "OTHER": "/usrlocal", "NUMBER": 1}

    moved = interpreter._relocatable(f"# made by the build\nbuild_time_vars = {built!r}\n").decode()

    variables = ast.literal_eval(moved.partition("=")[2].strip())
    assert variables["prefix"] == PLACEHOLDER
    assert variables["CPPFLAGS"] == f"-I{PLACEHOLDER}/include"
    assert (variables["OTHER"], variables["NUMBER"]) == ("/usrlocal", 1)


def test_unknown_build_variables_are_refused() -> None:
    with pytest.raises(GitstoreError, match="_sysconfigdata"):
        interpreter._relocatable("import os\n")


def test_debians_schemes_give_way_to_the_usual() -> None:
    source = "a = 1\ndef _get_preferred_schemes():\n    return {'prefix': 'deb'}\nb = 2\n"

    replaced = interpreter._with_usual_schemes(source)

    scope: dict[str, Any] = {}
    exec(replaced, scope)
    assert scope["_get_preferred_schemes"]()["prefix"] == "posix_prefix"
    assert (scope["a"], scope["b"]) == (1, 2)


def test_a_sysconfig_that_is_not_debians_is_refused() -> None:
    with pytest.raises(GitstoreError, match="_get_preferred_schemes"):
        interpreter._with_usual_schemes("a = 1\n")
