"""The demo: every step of the main job, typed as a person would, on real packages.

Each step runs the real command in a process of its own, so that what is shown is what a person
gets. Nothing is written outside the demo's folder.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from gitstore.demo.channel import make_channel
from gitstore.errors import GitstoreError

Say = Callable[[str], None]

ANALYSIS = """\
# What people want. gitstore writes what exactly that means into conda-lock.yml beside it.
name: analysis
dependencies:
  - python
  - numpy
  - pandas
gitstore:
  description: Python with numpy and pandas for everyday analysis
  owners: [alia]
  tags: [python, data]
  tests:
    - python -c "import numpy, pandas"
"""
TOOLS = """\
name: tools
dependencies:
  - python
  - rich
gitstore:
  description: A small environment for command-line tools
  owners: [dani]
  tests:
    - python -m rich.emoji > emoji.txt
"""
TOOLS_EDITED = TOOLS.replace("  - rich\n", "  - rich\n  - requests\n")
GPU = """\
name: gpu
dependencies:
  - {package}
gitstore:
  description: Only for machines with a GPU, which this one need not have
  owners: [alia]
  virtual-packages:
    {platform}: {{__cuda: "12.4"}}
"""
_PROBE = (
    "import sys, numpy, pandas; "
    'print("Python", sys.version.split()[0], "with numpy", numpy.__version__, '
    '"and pandas", pandas.__version__, "from", sys.prefix)'
)
_PROBE_TIMEOUT = 5.0


@dataclass(kw_only=True)
class Tour:
    """One run of the demo in ``root``; ``environ`` is what its commands inherit."""

    root: Path
    platform: str
    environ: Mapping[str, str]
    say: Say
    as_json: bool = False
    steps: list[dict[str, object]] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.root / "lab"

    @property
    def clone(self) -> Path:
        return self.root / "team"

    def run(self, channel: str | None) -> None:
        """Go through all of it.

        Raises:
            GitstoreError: a step failed; the message says which.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        if any(self.root.iterdir()):
            raise GitstoreError(
                "the demo's folder is not empty",
                where=str(self.root),
                hint="name another: `gitstore demo DIR`",
            )
        url, is_own = self._channel(channel)
        self._make_store(url, is_own=is_own)
        self._first_environments(is_own=is_own)
        self._edit_one()
        self._nothing_to_do()
        self._unpack()
        self._show_site()

    def _channel(self, named: str | None) -> tuple[str, bool]:
        """Choose the channel: the one named, conda-forge, or one made of this machine."""
        if named:
            return named, False
        if conda_forge_answers():
            return "conda-forge", False
        self._title("conda-forge cannot be reached: making a small real channel of this machine")
        folder = make_channel(self.root / "channel", report=lambda text: self.say(f"  {text}"))
        return folder.resolve().as_uri(), True

    def _make_store(self, url: str, *, is_own: bool) -> None:
        self._title("A store, and in it a namespace: a team's git repository of specs")
        self._gitstore("init", str(self.store))
        self._gitstore("namespace", "create", "team", "--channel", url, "--platform", self.platform)
        self._git("clone", "--quiet", str(self.store / "repositories" / "team.git"), "team")
        if is_own:
            # Its Python needs the C library of the machine that it was taken from.
            settings = self.clone / "gitstore.yml"
            version = os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28"
            glibc = version.rpartition(" ")[2]
            text = f'\nvirtual-packages:\n  {self.platform}: {{__glibc: "{glibc}"}}\n'
            settings.write_text(settings.read_text() + text)

    def _first_environments(self, *, is_own: bool) -> None:
        self._title("Three environments, pushed as anybody pushes to git")
        package = "gpu-probe" if is_own else "cuda-version 12.4"
        self._write("analysis", ANALYSIS)
        self._write("tools", TOOLS)
        self._write("gpu", GPU.format(platform=self.platform, package=package))
        self._push("ask for analysis, tools and gpu")
        self._gitstore("plan")
        self._title("Apply: solve, lock, build, test, publish, record")
        self._gitstore("apply")
        self._title("The commit that gitstore made says what moved")
        self._git("pull", "--quiet", folder=self.clone)
        self._git(
            *("log", "-1", "--format=%s%n%n%b", "--", "environments/analysis"), folder=self.clone
        )

    def _edit_one(self) -> None:
        self._title("One spec is edited: only that one is solved, and only what is forced moves")
        self._write("tools", TOOLS_EDITED)
        self._push("tools: add requests")
        self._gitstore("apply")
        self._git("pull", "--quiet", folder=self.clone)
        self._git(*("log", "-1", "--format=%s%n%n%b"), folder=self.clone)

    def _nothing_to_do(self) -> None:
        self._title("Apply again: nothing to do")
        self._gitstore("apply")

    def _unpack(self) -> None:
        self._title("The archive is unpacked somewhere else and runs")
        archive = self._archive("analysis")
        place = self.root / "elsewhere" / "analysis"
        place.mkdir(parents=True)
        from gitstore.builders.archive import unpack_into  # noqa: PLC0415  needs zstandard only here

        self.say(
            f"  unpacking {archive.relative_to(self.root)} into {place.relative_to(self.root)}"
        )
        unpack_into(archive, place)
        self._command([str(place / "bin" / "conda-unpack")], environ={})
        self._command([str(place / "bin" / "python"), "-c", _PROBE], environ={})

    def _show_site(self) -> None:
        self._title("The catalogue, a static site")
        self._gitstore("site", "build", str(self.root / "site"), "--with-artifacts")
        self._gitstore("status")

    def _archive(self, environment: str) -> Path:
        """Find an environment's archive by its build record."""
        from gitstore.demo.artifacts import archive_of  # noqa: PLC0415

        digest = archive_of(self.store / "repositories" / "team.git", environment)
        text = digest.removeprefix("sha256:")
        return self.store / "artifacts" / "blobs" / "sha256" / text[:2] / text

    def _write(self, name: str, text: str) -> None:
        yaml.safe_load(text)
        file = self.clone / "environments" / name / "environment.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.say(f"  wrote {file.relative_to(self.root)}")

    def _push(self, message: str) -> None:
        identity = ("-c", "user.name=Alia", "-c", "user.email=alia@example.org")
        self._git("add", ".", folder=self.clone)
        self._git(*identity, "commit", "--quiet", "-m", message, folder=self.clone)
        self._git("push", "--quiet", folder=self.clone)

    def _title(self, text: str) -> None:
        self.say("")
        self.say(f"# {text}")

    def _gitstore(self, *arguments: str) -> None:
        shown = " ".join(arguments)
        command = [sys.executable, "-m", "gitstore", *arguments]
        if arguments[0] != "init":
            command += ["--store", str(self.store)]
        if self.as_json:
            command.append("--json")
        self._command(command, shown=f"gitstore {shown}")

    def _git(self, *arguments: str, folder: Path | None = None) -> None:
        self._command(["git", *arguments], folder=folder)

    def _command(
        self,
        command: list[str],
        *,
        shown: str | None = None,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Run a step; its output goes where ours goes, or into the result with ``--json``."""
        shown = shown or shlex.join(command)
        self.say(f"  $ {shown}")
        try:
            done = subprocess.run(
                command,
                cwd=folder or self.root,
                env=dict(self.environ if environ is None else environ),
                capture_output=self.as_json,
                text=True,
                check=False,
            )
        except FileNotFoundError as exc:
            raise GitstoreError(
                f"`{command[0]}` is not installed", hint=f"install {command[0]} and try again"
            ) from exc
        if self.as_json:
            self.steps.append(
                {"command": shown, "exit_code": done.returncode, "output": done.stdout}
            )
        if done.returncode != 0:
            said = f": {done.stderr.strip()}" if self.as_json else ""
            raise GitstoreError(
                f"the step `{shown}` ended with exit code {done.returncode}{said}",
                where=str(self.root),
                hint="what it said stands above; the demo's folder is left for you to look at",
            )


def conda_forge_answers() -> bool:
    """Say whether conda-forge can be reached from here within a few seconds."""
    from gitstore.model.channels import channel_url  # noqa: PLC0415  loads the engine

    request = urllib.request.Request(  # noqa: S310  an https URL of the engine's own
        f"{channel_url('conda-forge')}/noarch/repodata.json.zst", method="HEAD"
    )
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_TIMEOUT) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
