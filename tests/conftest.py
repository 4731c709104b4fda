"""What every test gets: an empty home, no configuration of git, no credentials."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from gitstore.demo.channel import TEST_REQUIREMENTS, make_channel, make_tiny_channel
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


PROBES = {
    "bubblewrap": ("bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-all", "true"),
    "chromium": ("chromium", "--version"),
    "strace": ("strace", "-f", "-o", os.devnull, "true"),
    "mount": ("unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
}


@cache
def works(component: str) -> bool:
    """Say whether a system program is there and may do its work."""
    try:
        return subprocess.run(PROBES[component], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="session")
def tenth(request: pytest.FixtureRequest) -> int:
    """What big counts are divided by."""
    return 1 if request.config.getoption("--thorough") else 10


@pytest.fixture(autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home of its own and nothing of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("AWS_", "GIT_", "GITSTORE_", "CONDA_", "XDG_")) and not name.startswith(
            "GIT_SSL"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Alia")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "alia@example.org")


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
