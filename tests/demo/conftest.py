"""A channel for each need: handmade packages in a blink, real ones once for all tests."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
from rattler import (
    BuildString,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    Subdir,
    Version,
    solve,
)

from gitstore.demo.channel import TEST_REQUIREMENTS, make_channel, make_tiny_channel

Solve: TypeAlias = Callable[..., dict[str, RepoDataRecord]]
Install: TypeAlias = Callable[[Path, Sequence[str], Path], None]
MakeWheel: TypeAlias = Callable[..., Path]

# A process that called rattler's install() can die while its interpreter shuts down.
_INSTALL = """
import asyncio, json, os, sys
from rattler import MatchSpec, VirtualPackage, install, solve

async def main(channel, specs, prefix, cache):
    records = await solve(
        [f"file://{channel}"],
        [MatchSpec(spec, strict=False) for spec in specs],
        platforms=["linux-64", "noarch"],
        virtual_packages=[one.into_generic() for one in VirtualPackage.detect()],
    )
    await install(
        records, prefix, cache_dir=cache, execute_link_scripts=True, show_progress=False
    )

asyncio.run(main(**json.loads(sys.argv[1])))
os._exit(0)
"""


@pytest.fixture(scope="session")
def tiny_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_channel(tmp_path_factory.mktemp("tiny") / "channel")


@pytest.fixture(scope="session")
def wheel_cache(request: pytest.FixtureRequest) -> Path:
    """Survives the session: only the first run on a machine waits for PyPI."""
    cache = request.config.cache
    assert cache is not None
    return Path(cache.mkdir("demo-wheels"))


@pytest.fixture(scope="session")
def real_channel(tmp_path_factory: pytest.TempPathFactory, wheel_cache: Path) -> Path:
    return make_channel(
        tmp_path_factory.mktemp("real") / "channel",
        requirements=TEST_REQUIREMENTS,
        wheels=wheel_cache,
    )


@pytest.fixture(scope="session")
def debian_channel(tmp_path_factory: pytest.TempPathFactory, wheel_cache: Path) -> Path:
    return make_channel(
        tmp_path_factory.mktemp("debian") / "channel",
        executable=Path("/usr/bin/python3"),
        requirements=("numpy", "pandas"),
        older=(),
        wheels=wheel_cache,
    )


@pytest.fixture(scope="session")
def solved() -> Solve:
    def run(
        channel: Path, *specs: str, platform: str = "linux-64", glibc: str = "2.36", cuda: str = ""
    ) -> dict[str, RepoDataRecord]:
        virtual = {"__glibc": glibc, **({"__cuda": cuda} if cuda else {})}
        records = asyncio.run(
            solve(
                [f"file://{channel}"],
                [MatchSpec(spec, strict=False) for spec in specs],
                platforms=[Subdir(platform), Subdir("noarch")],
                virtual_packages=[
                    GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))
                    for name, version in virtual.items()
                ],
            )
        )
        return {record.name.normalized: record for record in records}

    return run


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    cache = tmp_path_factory.mktemp("package-cache")

    def run(channel: Path, specs: Sequence[str], prefix: Path) -> None:
        wishes = {
            "channel": str(channel),
            "specs": list(specs),
            "prefix": str(prefix),
            "cache": str(cache),
        }
        subprocess.run([sys.executable, "-c", _INSTALL, json.dumps(wishes)], check=True)

    return run


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Write a wheel ``toy 1.0`` with the files, metadata and entry points of the test."""

    def write(
        files: dict[str, bytes] | None = None,
        *,
        metadata: str = "",
        entry_points: str = "",
        tag: str = "py3-none-any",
    ) -> Path:
        info = "toy-1.0.dist-info"
        members: dict[str, bytes | str] = {
            "toy/__init__.py": b"",
            **(files or {}),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n{metadata}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            f"{info}/entry_points.txt": entry_points,
        }
        record = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
        path = tmp_path / f"toy-1.0-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in {**members, f"{info}/RECORD": record}.items():
                archive.writestr(member, data)
        return path

    return write
