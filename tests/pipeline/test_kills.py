"""SIGKILL at any moment: the next apply finishes, nothing is lost, doubled or half published."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitstore.model.records import RECORDS_REF
from tests.support.lab import Lab, lock_path, spec_path

SHARDS = 4
KILLS = 500
# Every way of changing what is on disk, except into files that are already open.
CALLS = (
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "fsync,fdatasync,mkdir,mkdirat,rmdir,ftruncate,chmod,fchmod,fchmodat"
)
ROOT = Path(__file__).resolve().parents[2]


def command(lab: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "gitstore",
        "--store",
        str(lab),
        "apply",
        "--quiet",
        "--workers=1",
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, tiny_channel: str) -> Lab:
    """A store with work to do: two environments of one content, one that changed, one retired."""
    lab = Lab.make(tmp_path_factory.mktemp("kills") / "lab", channel=tiny_channel)
    lab.ask("emulsion 1.*", name="changed")
    lab.ask("history", name="gone")
    lab.apply()
    lab.ask("emulsion", "lens", name="changed")
    lab.push({spec_path("gone"): None})
    lab.ask("camera", name="one")
    lab.ask("camera", name="two")
    return lab


@pytest.fixture(scope="module")
def finished(template: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an apply that nobody disturbs makes of it."""
    lab = copy_of(template, tmp_path_factory.mktemp("finished") / "lab")
    subprocess.run(command(lab.root), check=True, env=environment(), capture_output=True)
    return state(lab)


def copy_of(template: Lab, root: Path) -> Lab:
    shutil.copytree(template.root, root, symlinks=True)
    return Lab(root=root, channel=template.channel)


def state(lab: Lab) -> dict[str, object]:
    """Return all that must come out the same, however often the work was killed."""
    builds = {
        path: [artifact["digest"] for artifact in record["artifacts"]]
        for path, record in lab.records("builds/").items()
    }
    solves = {
        path: (record["lock"], record["number"], record["input"])
        for path, record in lab.records("solves/").items()
    }
    return {
        "locks": {name: lab.file(lock_path(name)) for name in ("changed", "gone", "one", "two")},
        "subjects": sorted(lab.messages()),
        "builds": builds,
        "solves": solves,
        "blobs": [blob.name for blob in lab.blobs()],
    }


def check_sound(lab: Lab) -> None:
    """Check, right after a kill, that nothing that is there is half there."""
    for blob in lab.blobs():
        if ".gitstore-part" not in blob.name:
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    published = {blob.name for blob in lab.blobs()}
    for record in lab.records("builds/").values():
        for artifact in record["artifacts"]:
            assert artifact["digest"][7:] in published, "recorded before it was published"
    git_dir = lab.repository().git_dir
    done = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=git_dir, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def check_finishes(lab: Lab, finished: dict[str, object], how: str) -> None:
    """Apply again, and compare with an undisturbed run."""
    check_sound(lab)
    done = subprocess.run(
        command(lab.root), env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode == 1 and "worker process died" in done.stderr:
        # A worker that was killed twice is a failure with a date; a person need not wait for it.
        done = subprocess.run(
            [*command(lab.root), "--retry"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, (how, done.stdout, done.stderr)
    assert state(lab) == finished, how
    again = subprocess.run(
        [*command(lab.root)[:-3], "plan", "--json"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    (plan,) = json.loads(again.stdout)["result"]
    assert {item["reason"] for item in plan["items"]} <= {"up-to-date"}, how
    assert list((lab.root / "work").iterdir()) == [], how
    assert lab.repository().resolve(RECORDS_REF) is not None


def trace(lab: Lab, *inject: str) -> list[str]:
    """Run an apply under strace; return the lines of the calls that change the disk."""
    log = lab.root.parent / "trace"
    subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            f"trace={CALLS}",
            *inject,
            "-o",
            str(log),
            *command(lab.root),
        ],
        env=environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    return log.read_text(errors="replace").splitlines()


@pytest.fixture(scope="module")
def most_calls(template: Lab, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many of the calls one process of an undisturbed run makes at most."""
    lab = copy_of(template, tmp_path_factory.mktemp("count") / "lab")
    counts: dict[str, int] = {}
    for line in trace(lab):
        if match := re.match(r"(\d+) +(\w+)\(", line):
            counts[match[1]] = counts.get(match[1], 0) + 1
    assert max(counts.values()) > 40, "the run must be seen to write"
    return max(counts.values())


@pytest.mark.kills
@pytest.mark.component("strace")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_call_that_changes_the_disk(
    shard: int,
    template: Lab,
    finished: dict[str, object],
    most_calls: int,
    tenth: int,
    tmp_path: Path,
) -> None:
    """In order: the first such call of a process, the second, and so on to the last."""
    points = range(1, most_calls + 1)[shard :: SHARDS * tenth]
    for point in points:
        lab = copy_of(template, tmp_path / f"at-{point}" / "lab")
        trace(lab, "-e", f"inject={CALLS}:signal=KILL:when={point}")
        check_finishes(lab, finished, f"killed at call {point}")
        shutil.rmtree(lab.root.parent)


@pytest.mark.kills
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_random(
    shard: int, template: Lab, finished: dict[str, object], tenth: int, tmp_path: Path
) -> None:
    """At any time, sometimes twice, all processes together or the parent alone."""
    chance = random.Random(f"kills {shard}")
    for round_ in range(KILLS // SHARDS // tenth):
        lab = copy_of(template, tmp_path / f"round-{round_}" / "lab")
        seconds = []
        for _ in range(chance.choice((1, 1, 2))):
            process = subprocess.Popen(
                command(lab.root),
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            seconds.append(chance.uniform(0.15, 1.3))
            time.sleep(seconds[-1])
            if chance.random() < 0.5:
                process.kill()
            elif process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        check_finishes(lab, finished, f"killed after {seconds}")
        shutil.rmtree(lab.root.parent)


def test_interrupted_leaves_nothing_half_done(
    template: Lab, finished: dict[str, object], tmp_path: Path
) -> None:
    for number, seconds in enumerate((0.0, 0.07, 0.1, 0.13, 0.3, 0.5)):
        lab = copy_of(template, tmp_path / str(number) / "lab")
        process = subprocess.Popen(
            command(lab.root),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while process.poll() is None and not list((lab.root / "work").glob("*.lock")):
            time.sleep(0.01)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 130), err
        assert "Traceback" not in err
        assert process.returncode != 130 or "interrupted" in err
        if process.returncode == 130:
            assert list((lab.root / "work").glob("*")) == []
        check_finishes(lab, finished, f"interrupted after {seconds}")


def test_workers_end_with_a_killed_parent(template: Lab, tmp_path: Path) -> None:
    import psutil

    lab = copy_of(template, tmp_path / "lab")
    process = subprocess.Popen(command(lab.root), env=environment(), start_new_session=True)
    family: list[psutil.Process] = []
    deadline = time.monotonic() + 20
    while not family and time.monotonic() < deadline and process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    # Where nobody reaps orphans, as in most containers, the dead stay as zombies.
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
