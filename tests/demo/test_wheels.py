from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from packaging.requirements import Requirement

from gitstore.demo.package import PLACEHOLDER, CondaPackage
from gitstore.demo.wheels import conda_name, conda_spec, download_wheels, wheel_package
from gitstore.errors import GitstoreError

MakeWheel: TypeAlias = Callable[..., Path]
SITE = "lib/python3.11/site-packages"
BINARY_TAG = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.manylinux_2_28_x86_64"


def converted(wheel: Path, stage: Path) -> CondaPackage:
    return wheel_package(wheel, "3.11.7", "linux-64", stage)


def text_of(package: CondaPackage, path: str) -> str:
    content = package.files[path]
    assert isinstance(content, bytes)
    return content.decode()


@pytest.mark.parametrize(
    ("distribution", "name"),
    [("NumPy", "numpy"), ("typing_extensions", "typing_extensions"), ("tzdata", "python-tzdata")],
)
def test_names_are_those_of_conda_forge(distribution: str, name: str) -> None:
    assert conda_name(distribution) == name


@pytest.mark.parametrize(
    ("requirement", "spec"),
    [
        pytest.param("numpy", "numpy", id="name"),
        pytest.param("numpy>=1.26,<3", "numpy <3,>=1.26", id="range"),
        pytest.param("numpy==1.26", "numpy ==1.26", id="exact"),
        pytest.param("numpy===1.26", "numpy 1.26", id="arbitrary equality"),
        pytest.param("numpy==1.26.*", "numpy 1.26.*", id="prefix"),
        pytest.param("numpy!=1.26.*", "numpy !=1.26.*", id="not prefix"),
        pytest.param("jsonschema[format]~=4.2", "jsonschema ~=4.2", id="extra"),
    ],
)
def test_requirements_become_match_specs(requirement: str, spec: str) -> None:
    assert conda_spec(Requirement(requirement)) == spec


def test_pure_wheel_becomes_noarch_python(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(
        metadata="Requires-Python: >=3.9\nLicense-Expression: MIT\nSummary: A toy\n",
        entry_points="[console_scripts]\ntoy = toy.cli:main\n[gui_scripts]\nboy = toy:gui\n",
    )

    package = converted(wheel, tmp_path / "stage")

    assert (package.name, package.version, package.subdir) == ("toy", "1.0", "noarch")
    assert package.noarch == "python"
    assert package.depends == ("python >=3.9",)
    assert package.entry_points == ("toy = toy.cli:main", "boy = toy:gui")
    assert package.purls == ("pkg:pypi/toy@1.0",)
    assert (package.license, package.summary) == ("MIT", "A toy")
    assert "site-packages/toy/__init__.py" in package.files
    assert not [path for path in package.files if path.startswith("bin/")]


def test_binary_wheel_is_for_one_python_and_the_oldest_glibc_of_its_tags(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    wheel = make_wheel(
        {"toy/speed.so": b"not really ELF"},
        entry_points="[console_scripts]\ntoy = toy.cli:App.main [fast]\n",
        tag=BINARY_TAG,
    )

    package = converted(wheel, tmp_path / "stage")

    assert package.subdir == "linux-64"
    assert package.build.startswith("py311h")
    assert package.depends == (
        "__glibc >=2.17,<3.0.a0",
        "python 3.11.*",
        "python_abi 3.11.* *_cp311",
    )
    assert f"{SITE}/toy/speed.so" in package.files
    assert package.entry_points == ()
    launcher = text_of(package, "bin/toy")
    assert launcher.startswith(f"#!{PLACEHOLDER}/bin/python\n")
    assert "from toy.cli import App" in launcher
    assert "App.main()" in launcher
    assert package.executable == {"bin/toy"}
    assert package.prefix_files == {"bin/toy": "text"}


def test_dependencies_hold_for_this_python_without_extras(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    wheel = make_wheel(
        metadata="""\
Requires-Dist: typing-extensions>=4 ; python_version < '3.13'
Requires-Dist: tomli ; python_version < '3.11'
Requires-Dist: colorama ; sys_platform == 'win32'
Requires-Dist: pytest ; extra == 'test'
"""
    )

    package = converted(wheel, tmp_path / "stage")

    assert package.depends == ("python", "typing_extensions >=4")


@pytest.mark.parametrize(
    ("metadata", "license_"),
    [
        pytest.param("License: MIT License\n", "MIT License", id="name"),
        pytest.param("License: First line\n        Second line\n", "First line", id="text"),
        pytest.param(
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n",
            "MIT License",
            id="classifier",
        ),
        pytest.param("", "", id="nothing"),
    ],
)
def test_license_is_the_best_there_is(
    make_wheel: MakeWheel, tmp_path: Path, metadata: str, license_: str
) -> None:
    assert converted(make_wheel(metadata=metadata), tmp_path / "stage").license == license_


def test_data_folders_go_where_an_installer_puts_them(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    data = "toy-1.0.data"
    wheel = make_wheel(
        {
            f"{data}/scripts/play": b"#!python\nprint('play')\n",
            f"{data}/scripts/tool": b"\x7fELF",
            f"{data}/data/share/toy/settings.json": b"{}",
            f"{data}/purelib/more.py": b"",
            f"{data}/headers/toy.h": b"",
        }
    )

    package = converted(wheel, tmp_path / "stage")

    assert text_of(package, "python-scripts/play").startswith(f"#!{PLACEHOLDER}/bin/python\n")
    assert package.executable == {"python-scripts/play", "python-scripts/tool"}
    assert package.prefix_files == {"python-scripts/play": "text"}
    assert {"share/toy/settings.json", "site-packages/more.py", "include/toy/toy.h"} <= set(
        package.files
    )


def test_record_lists_what_is_installed(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel({"toy-1.0.data/scripts/play": b"#!python\n"})

    package = converted(wheel, tmp_path / "stage")

    rows = csv.reader(text_of(package, "site-packages/toy-1.0.dist-info/RECORD").splitlines())
    listed = {row[0] for row in rows}
    assert {"toy/__init__.py", "../../../bin/play", "toy-1.0.dist-info/INSTALLER"} <= listed
    assert text_of(package, "site-packages/toy-1.0.dist-info/INSTALLER") == "conda\n"


def test_cached_wheels_are_found_without_pypi(make_wheel: MakeWheel, tmp_path: Path) -> None:
    cache = make_wheel().parent

    found = download_wheels(["toy"], "3.11.7", tmp_path / "wheels", cache=cache)

    assert found == [tmp_path / "wheels" / "toy-1.0-py3-none-any.whl"]


def test_nothing_is_downloaded_for_no_requirements(tmp_path: Path) -> None:
    assert download_wheels([], "3.11.7", tmp_path / "wheels") == []


def test_failed_download_gives_pips_own_reason(tmp_path: Path) -> None:
    with pytest.raises(GitstoreError, match="Invalid requirement") as caught:
        download_wheels(["not a requirement"], "3.11.7", tmp_path / "wheels")

    assert caught.value.hint


def test_missing_pip_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pip = tmp_path / "python"
    without_pip.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    without_pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(without_pip))

    with pytest.raises(GitstoreError, match="pip is missing") as caught:
        download_wheels(["toy"], "3.11.7", tmp_path / "wheels")

    assert "conda-gitstore[demo]" in str(caught.value.hint)


@pytest.mark.network
def test_download_reports_and_fills_the_cache(tmp_path: Path) -> None:
    phrases: list[str] = []
    cache = tmp_path / "cache"

    found = download_wheels(
        ["six==1.16.0"], "3.11.7", tmp_path / "wheels", cache=cache, report=phrases.append
    )

    assert [wheel.name for wheel in found] == ["six-1.16.0-py2.py3-none-any.whl"]
    assert (cache / found[0].name).read_bytes() == found[0].read_bytes()
    assert not phrases or phrases[0].startswith("downloading six 1.16.0")
