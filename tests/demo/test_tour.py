"""The demo, whole: what a person sees who types one command."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.lab import Lab, gitstore


@pytest.mark.network
def test_the_demo_goes_through_the_whole_line(tmp_path: Path) -> None:
    """With conda-forge where it answers, else with the channel that it makes by itself."""
    home = Path(os.environ["HOME"])
    done = gitstore("demo", str(tmp_path / "demo"), "--json")
    assert done.code == 0, done.err
    steps = json.loads(done.out)["result"]["steps"]
    commands = [step["command"] for step in steps]
    assert [step["exit_code"] for step in steps] == [0] * len(steps)
    applies = [json.loads(s["output"]) for s in steps if s["command"] == "gitstore apply"]
    done_in = [
        {(o["verb"], o["environment"]) for o in apply["result"][0]["outcomes"]} for apply in applies
    ]
    assert done_in == [
        {(verb, name) for verb in ("lock", "build") for name in ("analysis", "gpu", "tools")},
        {("lock", "tools"), ("build", "tools")},
        set(),
    ]
    (edit,) = [o for o in applies[1]["result"][0]["outcomes"] if o["verb"] == "lock"]
    lab = Lab(root=tmp_path / "demo" / "lab", channel="")
    (moved,) = lab.records("solves/tools/")[edit["record"]]["changes"].values()
    assert moved["removed"] == moved["changed"] == [], "only what is forced moves"
    assert "requests" in {package["name"] for package in moved["added"]}
    (probe,) = [step for step in steps if "numpy.__version__" in step["command"]]
    assert str(tmp_path / "demo" / "elsewhere" / "analysis") in probe["output"]
    assert any(command.startswith("gitstore site build") for command in commands)
    assert (tmp_path / "demo" / "site" / "index.html").is_file()
    # pip asks a `rustc` for its version where there is one, and rustup then writes a file.
    left = [path for path in home.rglob("*") if ".rustup" not in path.parts]
    assert left == [], "nothing is written outside the demo's folder"


def test_the_demos_folder_must_be_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = gitstore("demo", str(tmp_path))
    assert done.code == 1
    assert "not empty" in done.err
