"""The folder of the site: somebody's is refused, our own is exchanged in one step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitstore.errors import DiskError, GitstoreError, UsageError
from gitstore.files import write_file
from gitstore.site import folder as module
from gitstore.site.folder import MARKER, replace_site

ROOT = Path(__file__).resolve().parents[2]
# Ends only when it is killed, in the middle of a site.
_ENDLESS = """
import itertools, sys
from pathlib import Path
from gitstore.files import write_file
from gitstore.site.folder import replace_site

def fill(fresh):
    for number in itertools.count():
        write_file(fresh / f"{number}.html", b"new", durable=False)
        if number == 20:
            print("half", flush=True)

replace_site(Path(sys.argv[1]), fill, run_name="endless")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder for the site to be in."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def put(folder: Path, generation: str, *, run_name: str = "run") -> None:
    def fill(fresh: Path) -> None:
        write_file(fresh / "a.html", generation.encode())
        write_file(fresh / "deep" / "b.html", generation.encode())

    replace_site(folder, fill, run_name=run_name)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def shown(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in ("a.html", "deep/b.html")]


def test_a_new_folder_an_empty_one_and_our_own_are_taken(place: Path) -> None:
    site = place / "deep" / "site"
    put(site, "1")
    put(site, "2")
    assert shown(site) == ["2", "2"]
    empty = place / "empty"
    empty.mkdir()
    put(empty, "1")
    assert shown(empty) == ["1", "1"]
    assert names(place) == ["deep", "empty"]
    assert names(place / "deep") == ["site"]


def test_files_of_the_site_before_are_gone(place: Path) -> None:
    put(place / "site", "1")
    (place / "site" / "stale.html").write_text("old")
    put(place / "site", "2")
    assert names(place / "site") == [MARKER, "a.html", "deep"]


@pytest.mark.parametrize("kind", ["folder", "hidden", "file", "repository"])
def test_what_is_somebodys_is_refused_and_stays(place: Path, kind: str) -> None:
    thesis = place / "thesis"
    if kind == "file":
        thesis.write_text("all my work")
    else:
        name = {"folder": "chapter.tex", "hidden": ".env", "repository": ".git/HEAD"}[kind]
        write_file(thesis / name, b"all my work")
    before = sorted(path for path in place.rglob("*"))
    with pytest.raises(UsageError) as caught:
        put(thesis, "1")
    assert caught.value.where == str(thesis)
    assert str(thesis / "site") in (caught.value.hint or "")
    assert sorted(path for path in place.rglob("*")) == before


def test_the_folder_that_one_stands_in_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be put aside whole, with whoever stands in it."""
    put(place / "site", "1")
    (place / "empty").mkdir()
    for here in (place / "site" / "deep", place / "empty"):
        monkeypatch.chdir(here)
        with pytest.raises(UsageError, match="the current folder cannot be replaced"):
            put(here.parent if here.name == "deep" else here, "2")
    assert shown(place / "site") == ["1", "1"]


def test_a_link_keeps_pointing_where_it_points(place: Path) -> None:
    put(place / "real", "1")
    (place / "link").symlink_to("real")
    put(place / "link", "2")
    assert (place / "link").is_symlink()
    assert shown(place / "real") == ["2", "2"]


def test_a_build_that_fails_leaves_the_old_site_and_nothing_else(place: Path) -> None:
    put(place / "site", "1")

    def fill(fresh: Path) -> None:
        write_file(fresh / "a.html", b"2")
        raise GitstoreError("the disk is full")

    with pytest.raises(GitstoreError, match="the disk is full"):
        replace_site(place / "site", fill, run_name="run")
    assert shown(place / "site") == ["1", "1"]
    assert names(place) == ["site"]


def test_who_looks_meets_one_whole_site_at_any_moment(place: Path) -> None:
    site = place / "site"
    put(site, "0")
    done = threading.Event()
    seen: set[str] = set()
    failures: list[str] = []

    def look() -> None:
        while not done.is_set():
            # One handle on the folder is one site, as for a server that walks from its root.
            try:
                handle = os.open(site, os.O_RDONLY | os.O_DIRECTORY)
            except OSError as exc:
                failures.append(f"no site: {exc}")
                continue
            try:
                file = os.open("a.html", os.O_RDONLY, dir_fd=handle)
                with os.fdopen(file) as stream:
                    seen.add(stream.read())
            except FileNotFoundError:
                pass  # that site was taken away while we looked into it
            finally:
                os.close(handle)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for generation in range(1, 100):
            put(site, str(generation))
    finally:
        done.set()
        watcher.join()
    assert failures == []
    assert len(seen) > 1


def test_a_kill_in_the_middle_leaves_the_old_site_and_the_next_build_cleans_up(
    place: Path,
) -> None:
    site = place / "site"
    put(site, "1")
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(site)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert shown(site) == ["1", "1"]
    assert names(place) == [".site.gitstore", "site"]
    put(site, "2")
    assert shown(site) == ["2", "2"]
    assert names(place) == ["site"]


def test_two_builds_at_once_leave_one_whole_site(place: Path) -> None:
    def build(name: str) -> None:
        for number in range(20):
            put(place / "site", name, run_name=f"{name}-{number}")

    threads = [threading.Thread(target=build, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown(place / "site") in (["a", "a"], ["b", "b"])
    assert names(place) == ["site"]


def test_file_systems_that_cannot_exchange_still_get_their_site(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place / "site", "1")
    monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    put(place / "site", "2")
    assert shown(place / "site") == ["2", "2"]
    assert names(place) == ["site"]


def test_a_folder_below_a_file_says_so(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(DiskError):
        put(place / "file" / "site", "1")


def test_the_marker_is_the_same_every_time(place: Path) -> None:
    put(place / "site", "1")
    first = (place / "site" / MARKER).read_bytes()
    time.sleep(0.01)
    put(place / "site", "2")
    assert (place / "site" / MARKER).read_bytes() == first
