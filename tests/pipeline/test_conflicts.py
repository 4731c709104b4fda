"""Twenty planted conflicts: the first line names the clash, and the proposed patch solves."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from rattler.index import index_fs

from gitstore.demo.package import CondaPackage, write_package
from tests.support.lab import Done, gitstore


def package(name: str, version: str, *depends: str, subdir: str = "noarch") -> CondaPackage:
    return CondaPackage(name=name, version=version, depends=depends, subdir=subdir)


MAIN = [
    *(package("python", version) for version in ("3.8.20", "3.9.19", "3.11.9", "3.12.4")),
    package("numpy", "1.20.3", "python >=3.8,<3.10"),
    package("numpy", "1.26.4", "python >=3.9,<3.13"),
    package("numpy", "2.1.0", "python >=3.11"),
    package("pandas", "1.5.3", "numpy >=1.20,<2", "python >=3.8,<3.12"),
    package("pandas", "2.2.2", "numpy >=1.23", "python >=3.9"),
    package("scikit-learn", "1.5.0", "scipy >=1.6", "numpy >=1.19"),
    package("scipy", "1.10.1", "numpy >=1.19,<2"),
    package("scipy", "1.14.0", "numpy >=2"),
    package("openssl", "1.1.1"),
    package("openssl", "3.3.1"),
    package("old-client", "1.0", "openssl 1.*"),
    package("new-client", "2.0", "openssl >=3"),
    package("new-client", "1.5", "openssl >=1,<2"),
    package("gdal", "3.6.0", "libcurl-old"),
    package("broken", "1.0", "never-packaged >=2"),
    package("gpu-tools", "1.0", "__cuda >=12"),
    package("modern", "1.0", "__glibc >=2.35", subdir="linux-64"),
    package("mac-only", "1.0", subdir="osx-arm64"),
    package("linux-only", "1.0", subdir="linux-64"),
    package("wrapper", "1.0", "inner"),
    package("inner", "1.0", "python <3.9"),
    package("three-a", "1.0", "base 1.*"),
    package("three-b", "1.0", "base 1.*"),
    package("three-b", "2.0", "base 2.*"),
    package("three-c", "2.0", "base 2.*"),
    package("base", "1.0"),
    package("base", "2.0"),
    package("shared-name", "1.0"),
    package("pinned", "1.0"),
    package("pinned", "1.1"),
]
OTHER = [package("shared-name", "2.0"), package("elsewhere", "1.0", "shared-name 2.*")]


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    urls = []
    for name, packages in (("main-channel", MAIN), ("other-channel", OTHER)):
        folder = tmp_path_factory.mktemp("conflicts") / name
        for each in packages:
            write_package(each, folder)
        asyncio.run(index_fs(folder))
        urls.append(folder.as_uri())
    return urls[0], urls[1]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is asked for, what the first line says, and the line that the patch adds (or drops)."""

    name: str
    wishes: tuple[str, ...]
    first: str
    edit: str | None
    platforms: str = "linux-64"
    channels: int = 1


CASES = [
    Case(
        name="two-wishes",
        wishes=("numpy=1.20", "pandas=2.2"),
        first="`numpy=1.20` and `pandas=2.2` cannot be together on linux-64",
        edit="+  - numpy=2.1",
    ),
    Case(
        name="python-too-old",
        wishes=("python=3.8", "pandas=2.2"),
        first="`python=3.8` and `pandas=2.2` cannot be together on linux-64",
        edit="+  - python=3.12",
    ),
    Case(
        name="python-too-new",
        wishes=("python=3.12", "pandas=1.5"),
        first="`python=3.12` and `pandas=1.5` cannot be together on linux-64",
        edit="+  - python=3.11",
    ),
    Case(
        name="third-package",
        wishes=("old-client=1.0", "new-client=2.0"),
        first="`old-client=1.0` and `new-client=2.0` cannot be together on linux-64",
        edit="+  - new-client=1.5",
    ),
    Case(
        name="transitive",
        wishes=("scikit-learn", "scipy=1.14", "numpy=1.26"),
        first="`scipy=1.14` and `numpy=1.26` cannot be together on linux-64",
        edit="+  - scipy=1.10",
    ),
    Case(
        name="transitive-python",
        wishes=("python=3.11", "wrapper"),
        first="`python=3.11` and `wrapper` cannot be together on linux-64",
        edit="+  - python=3.8",
    ),
    Case(
        name="of-many",
        wishes=("linux-only", "pinned", "base", "python=3.8", "numpy=2.1", "openssl"),
        first="`python=3.8` and `numpy=2.1` cannot be together on linux-64",
        edit="+  - python=3.12",
    ),
    Case(
        name="three-of-them",
        wishes=("three-a", "three-b=2.0", "pinned"),
        first="`three-a` and `three-b=2.0` cannot be together on linux-64",
        edit="+  - three-b=1.0",
    ),
    Case(
        name="no-way-together",
        wishes=("three-a", "three-c"),
        first="`three-a` and `three-c` cannot be together on linux-64",
        edit="-  - three-a",
    ),
    Case(
        name="misspelt",
        wishes=("pandsa", "python"),
        first="there is no package `pandsa` in",
        edit="+  - pandas",
    ),
    Case(
        name="misspelt-with-version",
        wishes=("numpyy >=1.26",),
        first="there is no package `numpyy` in",
        edit="+  - numpy >=1.26",
    ),
    Case(
        name="no-such-version",
        wishes=("pinned=9.9",),
        first="no version of `pinned` for linux-64 fits `pinned=9.9`",
        edit="+  - pinned=1.1",
    ),
    Case(
        name="too-new-a-bound",
        wishes=("pandas >=3",),
        first="no version of `pandas` for linux-64 fits `pandas >=3`",
        edit="+  - pandas",
    ),
    Case(
        name="other-platform",
        wishes=("mac-only", "python"),
        first="there is no `mac-only` for linux-64",
        edit="-  - mac-only",
    ),
    Case(
        name="one-of-two-platforms",
        wishes=("linux-only", "python"),
        first="there is no `linux-only` for osx-arm64",
        edit="-  - linux-only",
        platforms="linux-64, osx-arm64",
    ),
    Case(
        name="gpu",
        wishes=("gpu-tools",),
        first="`gpu-tools` needs `__cuda >=12`, and linux-64 is assumed not to have it",
        edit='+    linux-64: {__cuda: "12"}',
    ),
    Case(
        name="glibc",
        wishes=("modern", "python"),
        first="`modern` needs `__glibc >=2.35`, and linux-64 is assumed to have 2.28",
        edit='+    linux-64: {__glibc: "2.35"}',
    ),
    Case(
        name="channel-priority",
        wishes=("shared-name=2.0",),
        first="`shared-name=2.0` is only in ",
        edit="::shared-name=2.0",
        channels=2,
    ),
    Case(
        name="never-packaged",
        wishes=("broken", "python"),
        first="`broken` cannot be had: broken 1.0 needs `never-packaged >=2`, which is not there",
        edit=None,
    ),
    Case(
        name="build-string",
        wishes=("numpy=1.26.4=py311h64a7726_0",),
        first="no version of `numpy` for linux-64 fits `numpy=1.26.4=py311h64a7726_0`",
        edit="+  - numpy",
    ),
]


def write(folder: Path, case: Case, channels: tuple[str, str]) -> None:
    listed = "".join(f"  - {url}\n" for url in (*channels[: case.channels], "nodefaults"))
    wishes = "".join(f"  - {wish}\n" for wish in case.wishes)
    folder.mkdir()
    (folder / "environment.yml").write_text(
        f"channels:\n{listed}dependencies:\n{wishes}platforms: [{case.platforms}]\n"
    )


def preview(folder: Path) -> dict[str, object]:
    done: Done = gitstore("preview", str(folder), "--json")
    (found,) = done.json["result"][0]["environments"]
    environment: dict[str, object] = found
    return environment


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_conflict_is_said_in_one_line_and_its_patch_solves(
    case: Case, channels: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "spec"
    write(folder, case, channels)
    failed = preview(folder)
    assert failed["status"] == "failed"
    error = failed["error"]
    assert isinstance(error, dict)
    assert error["message"].splitlines()[0].startswith(case.first), error
    if case.edit is None:
        assert error["patch"] is None
        return
    assert case.edit in error["patch"], error
    patch = tmp_path / "edit.patch"
    patch.write_text(error["patch"])
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
    assert preview(folder)["status"] == "new"


def test_there_are_twenty_of_them() -> None:
    assert len(CASES) == len({case.name for case in CASES}) == 20


def test_the_engines_tree_is_shown_only_with_v(channels: tuple[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "spec"
    write(folder, CASES[0], channels)
    plain = gitstore("preview", str(folder)).out
    assert "pandas 2.2.2 needs `numpy >=1.23`" in plain
    assert "would require" not in plain
    assert "+  - numpy=2.1" in plain
    assert "would require" in gitstore("preview", str(folder), "-v").out


def test_a_later_channel_cannot_slip_in_another_version(
    channels: tuple[str, str], tmp_path: Path
) -> None:
    """The engine alone would: it reads only records that match a wish."""
    folder = tmp_path / "spec"
    case = next(case for case in CASES if case.name == "channel-priority")
    write(folder, case, channels)
    assert preview(folder)["status"] == "failed"
    write(tmp_path / "turned", case, (channels[1], channels[0]))
    assert preview(tmp_path / "turned")["status"] == "new"


def test_each_of_them_is_an_example_in_the_docs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/solve-a-conflict.md").read_text()
    for case in CASES:
        assert case.first in page, case.name
        assert all(f"`{wish}`" in page for wish in case.wishes), case.name
