"""Relocking on request, cut-offs in time, and the lowest versions."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from gitstore.model.cutoff import cutoff, cutoff_text
from tests.support.lab import Lab, spec_path

NOW = datetime(2026, 11, 24, 12, 30, 15, 7, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", "2026-11-01T23:59:59Z"),
        ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
        ("2026-11-01T12:00:00+05:30", "2026-11-01T06:30:00Z"),
        ("2026-11-01T01:00:00-08:00", "2026-11-01T09:00:00Z"),
        ("2026-11-01 12:00", "2026-11-01T12:00:00Z"),
        ("7d", "2026-11-17T12:30:15Z"),
        ("12h", "2026-11-24T00:30:15Z"),
        ("2w", "2026-11-10T12:30:15Z"),
    ],
)
def test_cutoffs_are_moments_in_utc(text: str, moment: str) -> None:
    assert cutoff_text(text, NOW) == moment
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert cutoff_text(text, elsewhere) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "2026-13-01", "-3d"])
def test_what_is_no_cutoff_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the words are Python's
        cutoff(text, NOW)


def older(lab: Lab) -> None:
    """Lock what was the newest once: camera 4.1, then the spec is loosened."""
    lab.ask("camera <4.2", "tripod <1.2")
    lab.apply()
    lab.ask("camera", "tripod")
    lab.apply()
    assert (lab.packages()["camera"], lab.packages()["tripod"]) == ("4.1", "1.1")


def test_a_package_moves_when_somebody_asks_and_the_rest_stays(lab: Lab) -> None:
    older(lab)
    assert lab.run("lock", "team/tiny", "--update", "camera").code == 0
    assert (lab.packages()["camera"], lab.packages()["tripod"]) == ("4.2", "1.1")
    assert lab.messages()[0].startswith("lock tiny: 1 changed")
    assert {item["reason"] for item in lab.plan()} == {"not-built"}, "lock builds nothing"


def test_everything_moves_with_all_and_nothing_twice(lab: Lab) -> None:
    older(lab)
    assert lab.run("lock", "--update", "--all").code == 0
    assert (lab.packages()["camera"], lab.packages()["tripod"]) == ("4.2", "1.2")
    head = lab.head()
    assert lab.run("lock", "--update", "--all").code == 0
    assert lab.head() == head, "nothing moved, nothing is committed"
    for wrong in (["--all"], ["--update"], ["--update", "camera", "--all"]):
        assert lab.run("lock", *wrong).code == 2


def test_lock_alone_locks_what_changed(lab: Lab) -> None:
    lab.ask("lens")
    done = lab.run("lock", "--json")
    (outcome,) = done.json["result"][0]["outcomes"]
    assert (outcome["verb"], outcome["status"]) == ("lock", "done")
    assert lab.records("builds/") == {}
    assert lab.run("lock").code == 0
    lab.apply()
    assert len(lab.records("builds/")) == 1


def test_the_lowest_versions_that_the_spec_allows(lab: Lab) -> None:
    lab.ask("camera", "glass >=1.1")
    lab.apply()

    def versions(*options: str) -> dict[str, str]:
        done = lab.run("preview", "team", "--json", *options)
        (found,) = done.json["result"][0]["environments"]
        changed = found["changes"]["linux-64"]["changed"]
        return {each["name"]: each["to_version"] for each in changed}

    lowest = versions("--strategy", "lowest")
    assert (lowest["camera"], lowest["glass"]) == ("4.0", "1.1")
    assert versions("--strategy", "lowest-direct")["camera"] == "4.0"


def without_index_times(channel: str) -> None:
    """Take out when the channel was indexed: the engine prefers that to when a package was made."""
    folder = Path(url2pathname(urlsplit(channel).path))
    for file in folder.rglob("repodata.json"):
        data = json.loads(file.read_text())
        for records in (data.get("packages", {}), data.get("packages.conda", {})):
            for record in records.values():
                record.pop("indexed_timestamp", None)
        file.write_text(json.dumps(data))


@pytest.fixture
def timed_lab(tmp_path: Path) -> Lab:
    from gitstore.demo.channel import make_tiny_channel

    channel = make_tiny_channel(tmp_path / "timed").as_uri()
    without_index_times(channel)
    return Lab.make(tmp_path / "lab", channel=channel)


def test_nothing_newer_than_the_cutoff_is_locked_and_the_lock_keeps_it(timed_lab: Lab) -> None:
    lab = timed_lab
    lab.ask("history")
    lab.apply()
    newest = lab.packages()["history"]
    settings = (lab.file("gitstore.yml") or b"").decode()
    lab.push({"gitstore.yml": settings + "solve: {exclude-newer: 2025-11-15}\n"})
    (lock, _) = lab.apply()
    assert lock["verb"] == "lock", "the cut-off is input"
    assert lab.packages()["history"] == "1.1.0" != newest
    assert lab.lock().metadata.exclude_newer == "2025-11-15T23:59:59Z"
    lab.push({"gitstore.yml": settings + "solve: {exclude-newer: 10000w}\n"})
    assert lab.run("check", "team").code == 10


def test_a_duration_is_kept_as_a_moment_and_relocks_nothing_by_itself(timed_lab: Lab) -> None:
    lab = timed_lab
    settings = (lab.file("gitstore.yml") or b"").decode()
    lab.push({"gitstore.yml": settings + "solve: {exclude-newer: 1h}\n"})
    lab.ask("history")
    lab.apply()
    kept = lab.lock().metadata.exclude_newer
    assert kept is not None
    assert kept.endswith("Z")
    assert lab.apply() == []
    lock = lab.file("environments/tiny/conda-lock.yml")
    lab.push(
        {
            spec_path("copy"): "dependencies:\n  - history\n",
            "environments/copy/conda-lock.yml": lock,
        }
    )
    head = lab.head()
    lab.apply()
    assert lab.head() == head, "a claim of an earlier moment is verified as of then"
