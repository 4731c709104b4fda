from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from rattler import RepoDataRecord
from rattler.exceptions import SolverError

from gitstore.demo.channel import make_tiny_channel
from gitstore.demo.handmade import awkward_packages, tiny_packages
from gitstore.demo.package import PLACEHOLDER
from gitstore.errors import GitstoreError

Solve: TypeAlias = Callable[..., dict[str, RepoDataRecord]]


def versions(records: dict[str, RepoDataRecord]) -> dict[str, str]:
    return {name: str(record.version) for name, record in records.items()}


def test_packages_have_names_of_their_own() -> None:
    packages = [*tiny_packages("linux-64"), *awkward_packages("linux-64")]

    assert len({(package.subdir, package.stem) for package in packages}) == len(packages)


def test_camera_takes_the_newest_of_everything(tiny_channel: Path, solved: Solve) -> None:
    assert versions(solved(tiny_channel, "camera")) == {
        "camera": "4.2",
        "coating": "3.1",
        "glass": "2.1",
        "lens": "2.0",
        "prism": "2.0",
        "shutter": "1.1",
        "spring": "1.0",
    }


def test_adding_film_moves_a_part_and_leaves_the_rest(tiny_channel: Path, solved: Solve) -> None:
    before = versions(solved(tiny_channel, "camera", "tripod"))
    after = versions(solved(tiny_channel, "camera", "tripod", "film"))

    assert before.keys() - after.keys() == {"coating"}
    assert after.keys() - before.keys() == {"canister", "film"}
    moved = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert moved == {"glass", "lens", "prism"}


def test_platforms_solve_differently(tiny_channel: Path, solved: Solve) -> None:
    by_platform = {
        platform: versions(solved(tiny_channel, "shutter", platform=platform))
        for platform in ("linux-64", "osx-arm64", "win-64")
    }

    assert by_platform == {
        "linux-64": {"shutter": "1.1", "spring": "1.0"},
        "osx-arm64": {"battery": "2.0", "magnet": "1.0", "shutter": "1.1"},
        "win-64": {"screw": "8.1", "shutter": "1.0", "spring": "1.0"},
    }


def test_blas_is_openblas_unless_mkl_is_asked_for(tiny_channel: Path, solved: Solve) -> None:
    usual = solved(tiny_channel, "libblas")
    asked = solved(tiny_channel, "libblas", "blas-mutex=*=mkl")

    assert str(usual["libblas"].build) == "0_openblas"
    assert str(asked["libblas"].build) == "0_mkl"


def test_gpu_probe_takes_cuda_where_there_is_one(tiny_channel: Path, solved: Solve) -> None:
    assert str(solved(tiny_channel, "gpu-probe")["gpu-probe"].build) == "cpu_0"
    assert str(solved(tiny_channel, "gpu-probe", cuda="12.4")["gpu-probe"].build) == "cuda12_200"


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        pytest.param(["oil", "water"], "conflicts", id="conflict"),
        pytest.param(["broken-dep"], "not-in-this-channel", id="missing dependency"),
        pytest.param(["needs-new-glibc"], "__glibc >=2.99", id="virtual package"),
    ],
)
def test_some_things_cannot_be_solved(
    tiny_channel: Path, solved: Solve, specs: list[str], reason: str
) -> None:
    with pytest.raises(SolverError, match=reason):
        solved(tiny_channel, *specs)


@pytest.mark.parametrize("spec", ["oil", "water"])
def test_each_half_of_the_conflict_solves_alone(
    tiny_channel: Path, solved: Solve, spec: str
) -> None:
    assert spec in solved(tiny_channel, spec)


def test_history_has_five_versions_a_month_apart() -> None:
    history = [one for one in awkward_packages("linux-64") if one.name == "history"]

    times = [one.timestamp for one in history]
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert len(history) == 5
    assert steps == {30 * 24 * 3600 * 1000}


def test_installing_replaces_prefixes_and_runs_scripts(
    tiny_channel: Path, install: Callable[..., None], tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"

    install(tiny_channel, ["prefix-probe", "post-link-me", "activate-me"], prefix)

    binary = (prefix / "share/prefix-probe/data.bin").read_bytes()
    told = subprocess.run([prefix / "bin/prefix-probe"], capture_output=True, text=True, check=True)
    variables = json.loads((prefix / "etc/conda/env_vars.d/activate-me.json").read_text())
    assert told.stdout == f"{prefix}\n"
    assert binary.startswith(f"\0\1{prefix}/share\0".encode())
    assert len(binary) == len(f"\0\1{PLACEHOLDER}/share\0end")
    assert (prefix / ".post-link-ran").read_text() == "linked\n"
    assert variables == {"SET_BY_PACKAGE": "yes"}


def test_tiny_channel_leaves_nothing_beside_itself(tmp_path: Path) -> None:
    channel = make_tiny_channel(tmp_path / "channel")

    assert [path.name for path in tmp_path.iterdir()] == ["channel"]
    assert {path.name for path in channel.iterdir()} == {
        "linux-64",
        "noarch",
        "osx-arm64",
        "win-64",
    }


def test_tiny_channel_has_the_same_packages_every_time(tiny_channel: Path, tmp_path: Path) -> None:
    again = make_tiny_channel(tmp_path / "channel")

    packages = sorted(again.rglob("*.conda"))
    assert packages
    for package in packages:
        first = tiny_channel / package.relative_to(again)
        assert package.read_bytes() == first.read_bytes()


def test_channel_is_not_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    with pytest.raises(GitstoreError, match="exists already"):
        make_tiny_channel(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
