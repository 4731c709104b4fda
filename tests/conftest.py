"""What every test gets: an empty home, no configuration of git, no credentials."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gitstore.demo.channel import TEST_REQUIREMENTS, make_channel, make_tiny_channel
from tests.run import COMPONENTS
from tests.support.lab import Lab

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="run the whole of the big counts, not a tenth"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason="there is no real data beside this project")
    for item in items:
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(absent)
        for marker in item.iter_markers("component"):
            for name in marker.args:
                if not works(name):
                    item.add_marker(pytest.mark.skip(reason=f"{name} is not to be had here"))


PROBES = {each.name: each.probe for each in COMPONENTS} | {
    "mount": ("unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
}


@cache
def works(component: str) -> bool:
    """Say whether something of the system is there and may do its work."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        done = subprocess.run(
            PROBES[component], env={**os.environ, "PATH": path}, capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture(scope="session")
def tenth(request: pytest.FixtureRequest) -> int:
    """What big counts are divided by."""
    return 1 if request.config.getoption("--thorough") else 10


PERSONAL = ("AWS_", "GIT_", "GITSTORE_", "CONDA_", "XDG_")


@pytest.fixture(scope="session", autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take away what belongs to the person who runs the tests.

    For the whole session, so that its shared fixtures too are made by nobody in particular.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(PERSONAL) and not name.startswith("GIT_SSL"):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_ALLOW_PROTOCOL", "file")
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Alia")
            patch.setenv(f"GIT_{role}_EMAIL", "alia@example.org")
        yield


@pytest.fixture(autouse=True)
def home(
    nobody: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give each test a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def shared() -> Path:
    return SHARED


@pytest.fixture(scope="session")
def tiny_channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A real channel of small handmade packages, as a URL."""
    return make_tiny_channel(tmp_path_factory.mktemp("channel") / "tiny").as_uri()


@pytest.fixture(scope="session")
def real_channel(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """A real channel with this machine's Python and libraries from PyPI, as a URL."""
    # pytest's own cache folder keeps the wheels from one run to the next.
    wheels = request.config.cache.mkdir("wheels")
    out = tmp_path_factory.mktemp("channel") / "real"
    return make_channel(out, requirements=TEST_REQUIREMENTS, wheels=wheels).as_uri()


@pytest.fixture
def lab(tmp_path: Path, tiny_channel: str) -> Lab:
    """A store with one namespace, `team`, on the tiny channel."""
    return Lab.make(tmp_path / "lab", channel=tiny_channel)
