"""The command line: what a person types and sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from gitstore.cli import COMMANDS, cli
from gitstore.resources import load_schema
from tests.support.lab import Lab, gitstore, inside, spec_path

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("rattler", "pygit2", "yaml", "jsonschema", "zstandard", "jinja2", "ruamel")


def test_help_is_there_and_loads_no_engine() -> None:
    script = (
        "import sys; from gitstore.cli.boundary import run; code = run(['--help']); "
        f"print(code, [m for m in {ENGINES!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_of_a_command_is_its_own(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.short_help == COMMANDS[name][1]


def check_envelope(text: str, command: str) -> dict[str, object]:
    envelope: dict[str, object] = json.loads(text)
    Draft202012Validator(load_schema("envelope")).validate(envelope)
    assert envelope["schema"] == f"gitstore/{command}/v1"
    return envelope


def test_every_command_speaks_json_and_only_json_on_stdout(lab: Lab, tmp_path: Path) -> None:
    lab.ask("lens")
    for arguments, schema in (
        (["check", "team"], "check"),
        (["plan"], "plan"),
        (["preview", "team"], "preview"),
        (["apply"], "apply"),
        (["status"], "status"),
        (["namespace", "list"], "namespace-list"),
        (["namespace", "create", "more"], "namespace-create"),
        (["site", "build", str(tmp_path / "site")], "site-build"),
        ([], "gitstore"),
    ):
        done = lab.run(*arguments, "--json")
        assert done.code == 0, done
        assert check_envelope(done.out, schema)["ok"] is True
        assert done.err == ""


def test_json_is_printed_on_failure_too(lab: Lab, tmp_path: Path) -> None:
    lab.push({spec_path("bad"): "dependencies: [a =>1]\n"})
    done = lab.run("check", "--json", "team")
    assert done.code == 10
    assert check_envelope(done.out, "check")["ok"] is False
    done = gitstore("--store", str(tmp_path / "nowhere"), "plan", "--json")
    assert done.code == 2
    envelope = check_envelope(done.out, "plan")
    assert envelope["error"]["code"] == "usage"  # type: ignore[index]
    done = gitstore("plan", "--no-such-option", "--json")
    assert (done.code, check_envelope(done.out, "plan")["result"]) == (2, None)


def test_store_and_json_stand_before_or_after_the_verb(lab: Lab) -> None:
    lab.ask("lens")
    before = gitstore("--store", str(lab.root), "--json", "plan")
    after = gitstore("plan", "--store", str(lab.root), "--json")
    assert before.out == after.out
    assert before.code == 0


def test_the_store_is_found_from_a_folder_inside(lab: Lab) -> None:
    lab.ask("lens")
    folder = lab.root / "artifacts" / "deep"
    folder.mkdir(parents=True)
    assert gitstore("plan", cwd=folder).code == 0


def test_progress_goes_to_stderr_and_ends_with_what_to_type_next(lab: Lab) -> None:
    lab.ask("lens")
    done = gitstore("--store", str(lab.root), "apply")
    assert "team/tiny: solving for linux-64" in done.err
    assert done.err.splitlines()[-1].startswith("next: gitstore")
    assert "next:" not in done.out
    assert "\x1b" not in done.out + done.err
    quiet = gitstore("--store", str(lab.root), "apply", "--quiet")
    assert quiet.err == ""


def test_colour_only_where_a_terminal_shows_it(lab: Lab) -> None:
    import pty

    lab.push({spec_path("bad"): "dependencies: [a =>1]\n"})

    def colours(**more: str) -> bool:
        reader, writer = pty.openpty()
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}
        subprocess.run(
            [sys.executable, "-m", "gitstore", "check", "--store", str(lab.root)],
            stdout=writer,
            stderr=writer,
            env=environ,
            check=False,
        )
        os.close(writer)
        return b"\x1b[" in os.read(reader, 65_536)

    assert colours()
    assert not colours(NO_COLOR="1")


def test_control_characters_of_strangers_do_not_reach_the_terminal(lab: Lab) -> None:
    lab.push({spec_path("bad"): 'dependencies: ["a\\e[31m\\r\\b >>"]\n'})
    done = gitstore("--store", str(lab.root), "check")
    assert done.code == 10
    assert not {c for c in done.out + done.err if not c.isprintable()} - {"\n"}


def test_exit_codes(lab: Lab, tmp_path: Path) -> None:
    assert gitstore("nonsense").code == 2
    assert "Did you mean `apply`?" in gitstore("aply").err
    assert lab.run("plan", "team/nothing").code == 10
    assert lab.run("plan", "nothing").code == 2
    lab.ask("lens")
    assert lab.run("plan", "--exit-code").code == 4
    lab.apply()
    assert lab.run("plan", "--exit-code").code == 0
    lab.ask("oil", "water")
    assert lab.run("apply").code == 1
    assert lab.run("preview", "team").code == 1
    assert gitstore("check", str(tmp_path / "no-such-thing")).code == 2


def test_a_bug_is_one_line_and_a_log(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitstore.pipeline.run.observe", lambda *a, **k: 1 / 0)
    done = lab.run("plan")
    assert done.code == 3
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("hint: report it with ")]
    log = Path(line.removeprefix("hint: report it with "))
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()
    error = check_envelope(lab.run("plan", "--json").out, "plan")["error"]
    assert (error["code"], error["exit_code"]) == ("bug", 3)  # type: ignore[index]
    Path(error["hint"].removeprefix("report it with ")).unlink()  # type: ignore[index]


def test_a_folder_that_is_gone_is_no_bug_of_ours(lab: Lab, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = "import os, runpy, sys; os.rmdir(os.getcwd()); runpy.run_module('gitstore', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script, "check", "."],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "the current folder is gone" in done.stderr


def test_alone_it_shows_the_state_and_three_things_to_type(lab: Lab, tmp_path: Path) -> None:
    lab.ask("lens")
    assert "1 environment, 1 to do" in lab.run().out
    empty = tmp_path / "empty"
    empty.mkdir()
    with inside(empty):
        out = gitstore(cwd=empty).out
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("  ")] == [
        ["gitstore", "demo"],
        ["gitstore", "init"],
        ["gitstore", "check"],
    ]


def test_init_refuses_what_is_there(lab: Lab, tmp_path: Path) -> None:
    assert gitstore("init", str(lab.root)).code == 2
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("x")
    done = gitstore("init", str(full))
    assert (done.code, (full / "file").read_text()) == (2, "x")
    assert list(full.iterdir()) == [full / "file"]


def test_namespace_commands_are_commits_of_the_store(lab: Lab, tmp_path: Path) -> None:
    settings = lab.root / "store.yml"
    settings.write_text(settings.read_text() + "# mine\n")
    subprocess.run(["git", "-C", str(lab.root), "commit", "-qam", "mine"], check=True)
    assert lab.run("namespace", "create", "extra").code == 0
    assert lab.run("namespace", "create", "extra").code == 2
    assert lab.run("namespace", "create", "Bad Name").code == 2
    assert lab.run("namespace", "remove", "extra").code == 0
    repository = lab.root / "repositories" / "extra.git"
    assert repository.is_dir()
    assert lab.run("namespace", "add", "again", str(repository)).code == 0
    assert lab.run("namespace", "add", "nothing", str(tmp_path)).code == 2
    text = settings.read_text()
    assert "# mine" in text
    assert "# The teams" in text
    assert "path: repositories/extra.git" in text
    log = subprocess.run(
        ["git", "-C", str(lab.root), "log", "--format=%s"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.splitlines()[:3] == [
        "namespace: add again",
        "namespace: remove extra",
        "namespace: create extra",
    ]
    status = subprocess.run(
        ["git", "-C", str(lab.root), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""


def test_a_secret_in_a_channel_never_gets_into_git(lab: Lab) -> None:
    done = lab.run("namespace", "create", "bad", "--channel", "https://u:hunter2@host.example/c")
    assert done.code == 2
    assert "hunter2" not in done.out + done.err
    assert not (lab.root / "repositories" / "bad.git").exists()


def test_links_that_leave_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside, inside_ = tmp_path / "outside", tmp_path / "inside"
    for root in (outside, inside_):
        (root / "environments").mkdir(parents=True)
    (outside / "secret.yml").write_text("hunter2: [")
    (outside / "environments" / "environment.yml").write_text("hunter2: [")
    (inside_ / "environments" / "link").symlink_to(outside / "environments")
    (inside_ / "environments" / "one").mkdir()
    (inside_ / "environments" / "one" / "environment.yml").symlink_to(outside / "secret.yml")
    (inside_ / "environments" / "two").mkdir()
    (inside_ / "environments" / "two" / "environment.yml").symlink_to("../link/environment.yml")
    done = gitstore("check", str(inside_))
    assert done.code == 10
    assert done.err.count("[not-a-file]") == 2
    assert "hunter2" not in done.out + done.err


def test_an_empty_repository_says_what_to_do(lab: Lab, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    assert lab.run("namespace", "add", "empty", str(bare)).code == 0
    done = lab.run("plan", "empty")
    assert done.code == 10
    assert "clone it" in done.err


def test_preview_of_a_folder_needs_no_store_and_writes_nothing(
    tmp_path: Path, tiny_channel: str
) -> None:
    folder = tmp_path / "specs"
    spec = folder / spec_path("one")
    spec.parent.mkdir(parents=True)
    spec.write_text(
        f"channels: ['{tiny_channel}', nodefaults]\ndependencies: [lens]\nplatforms: [linux-64]\n"
    )
    done = gitstore("preview", str(folder))
    assert done.code == 0, done.err
    assert "+ lens 2.0" in done.out
    assert "Linux (linux-64): 3 packages" in done.out
    assert [path for path in folder.rglob("*") if path.is_file()] == [spec]
    alone = gitstore("preview", str(spec))
    assert "+ lens 2.0" in alone.out


def test_one_folder_that_is_store_and_namespace(tmp_path: Path, tiny_channel: str) -> None:
    """No server at all: one repository with both files; the checkout stays true."""
    root = tmp_path / "one"
    assert gitstore("init", str(root)).code == 0
    assert gitstore("--store", str(root), "namespace", "add", "mine", str(root)).code == 0
    (root / "gitstore.yml").write_text(f"channels: ['{tiny_channel}']\nplatforms: [linux-64]\n")
    spec = root / spec_path("a")
    spec.parent.mkdir(parents=True)
    spec.write_text("dependencies: [lens]\n")
    for command in (["add", "."], ["commit", "-qm", "ask"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    (root / "notes.txt").write_text("not committed\n")
    spec.write_text("dependencies: [lens]\n# being edited\n")
    done = gitstore("apply", cwd=root)
    assert done.code == 0, done.err
    assert (root / "environments/a/conda-lock.yml").is_file()
    status = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout.splitlines() == [" M environments/a/environment.yml", "?? notes.txt"]
