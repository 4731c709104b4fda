"""What a person gets: an environment of real packages that needs nothing of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from packaging.requirements import Requirement
from rattler import RepoDataRecord

from gitstore.demo.channel import TEST_REQUIREMENTS, make_channel
from gitstore.demo.interpreter import inspect_interpreter
from gitstore.demo.wheels import conda_spec
from gitstore.errors import GitstoreError

Solve: TypeAlias = Callable[..., dict[str, RepoDataRecord]]
Install: TypeAlias = Callable[[Path, list[str], Path], None]

pytestmark = pytest.mark.network

# Run by the installed Python, which knows nothing of this project.
_PROBE = """
import readline  # before curses: it has to find ncurses through the path inside the binary
import bz2, ctypes, curses, hashlib, json, lzma, site, sqlite3, ssl, sys, sysconfig, uuid, zlib
import zoneinfo
import numpy, pandas

ssl.create_default_context()
with open("/proc/self/maps") as maps:
    libraries = {line.split()[-1] for line in maps if ".so" in line}
print(json.dumps({
    "sum": int(pandas.Series(numpy.arange(5)).sum()),
    "sqlite": sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0],
    "libc": ctypes.CDLL(None).abs(-3),
    "zone": str(zoneinfo.ZoneInfo("Europe/Paris")),
    "zones": zoneinfo.TZPATH,
    "libraries": sorted(libraries),
    "path": sys.path,
    "site": site.getsitepackages(),
    "purelib": sysconfig.get_path("purelib"),
}))
"""
_GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"}


def is_glibc(path: str) -> bool:
    name = Path(path).name
    return name in _GLIBC or name.startswith("ld-linux")


def probe(prefix: Path) -> dict[str, Any]:
    done = subprocess.run(
        [prefix / "bin/python", "-s", "-c", _PROBE],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def assert_self_contained(prefix: Path) -> None:
    facts = probe(prefix)
    site = str(next(prefix.glob("lib/python3.*/site-packages")))

    assert (facts["sum"], facts["sqlite"], facts["libc"]) == (10, 42, 3)
    assert facts["zone"] == "Europe/Paris"
    assert facts["zones"] == [f"{prefix}/share/zoneinfo"]
    assert [one for one in facts["libraries"] if not one.startswith(f"{prefix}/")] == [
        one for one in facts["libraries"] if is_glibc(one)
    ]
    assert [one for one in facts["path"] if one and not one.startswith(f"{prefix}/")] == []
    assert facts["path"][-1] == site
    assert facts["site"] == [site]
    assert facts["purelib"] == site


def test_data_environment_needs_only_glibc(
    real_channel: Path, install: Install, tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"

    install(real_channel, ["python", "numpy", "pandas"], prefix)

    assert_self_contained(prefix)


def test_command_line_environment_runs_its_commands(
    real_channel: Path, install: Install, tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"

    install(real_channel, ["rich", "click", "requests", "pip", "numpy"], prefix)

    for command in (["pygmentize", "-V"], ["numpy-config", "--version"], ["pip", "check"]):
        subprocess.run(
            [prefix / "bin" / command[0], *command[1:]],
            env={"HOME": str(tmp_path)},
            capture_output=True,
            check=True,
        )


def test_older_versions_are_there_to_update_from(real_channel: Path, solved: Solve) -> None:
    old = solved(real_channel, "click <8.2", "requests <2.32", "rich <14")
    new = solved(real_channel, "click", "requests", "rich")

    for name in ("click", "requests", "rich"):
        assert old[name].version < new[name].version


def test_handmade_packages_are_there_too(real_channel: Path, solved: Solve) -> None:
    assert "glass" in solved(real_channel, "camera")


def test_channel_leaves_nothing_beside_itself(real_channel: Path) -> None:
    assert [path.name for path in real_channel.parent.iterdir()] == [real_channel.name]


def test_failure_leaves_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(GitstoreError, match="does not run"):
        make_channel(tmp_path / "channel", executable=Path("/bin/false"))

    assert list(tmp_path.iterdir()) == []


def test_environments_can_have_sixty_packages(real_channel: Path, solved: Solve) -> None:
    specs = [conda_spec(Requirement(one)) for one in TEST_REQUIREMENTS]

    assert len(solved(real_channel, *specs)) >= 60


def test_packages_are_the_same_every_time(
    real_channel: Path, wheel_cache: Path, tmp_path: Path
) -> None:
    phrases: list[str] = []

    smaller = make_channel(
        tmp_path / "channel", requirements=["click"], wheels=wheel_cache, report=phrases.append
    )

    packages = sorted(smaller.rglob("*.conda"))
    assert len(packages) > 60
    for package in packages:
        assert package.read_bytes() == (real_channel / package.relative_to(smaller)).read_bytes()
    assert phrases[0].startswith("packaging Python")
    assert phrases[-1] == "indexing the channel"
    assert len(phrases) > len(packages)


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="has no Python of its own")
def test_debians_python_forgets_about_debian(
    request: pytest.FixtureRequest, install: Install, tmp_path: Path
) -> None:
    system = inspect_interpreter(Path("/usr/bin/python3"))
    if system.executable == inspect_interpreter(Path(sys.executable)).executable:
        pytest.skip("it is the running one, which other tests package")
    prefix = tmp_path / "prefix"

    install(request.getfixturevalue("debian_channel"), ["python", "numpy", "pandas"], prefix)

    assert_self_contained(prefix)
