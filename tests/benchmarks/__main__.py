"""``python -m tests.benchmarks``: whole processes, each beside a bare baseline of the same run.

Prints a table of medians and ratios. Machines are noisy: the ratio is what counts, since both
sides of it were measured in turn. Nothing here fails because of a time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitstore.demo.channel import TEST_REQUIREMENTS, make_channel, make_tiny_channel
from gitstore.demo.wheels import conda_name
from gitstore.model.platforms import virtual_packages_for
from tests.support.lab import Lab, spec_path

ROOT = Path(__file__).resolve().parents[2]
SUBSET = ROOT.parent / "shared" / "data" / "repodata" / "conda-forge-subset"
SCIENCE = [
    "python 3.11.*", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib-base", "jupyterlab"
]  # fmt: skip
SPECS = ["python", *map(conda_name, TEST_REQUIREMENTS)]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished process: wall seconds, and the most memory that it alone had, in MB."""

    seconds: float
    megabytes: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. ``goal`` says in words what was promised."""

    name: str
    ours: list[Run]
    bare: list[Run]
    goal: str

    def cells(self) -> list[str]:
        ours = statistics.median(run.seconds for run in self.ours)
        bare = statistics.median(run.seconds for run in self.bare)
        ratio = statistics.median(
            a.seconds / b.seconds for a, b in zip(self.ours, self.bare, strict=True)
        )
        memory = max(run.megabytes for run in self.ours)
        return [self.name, f"{ours:.3f}", f"{bare:.3f}", f"{ratio:.2f}", f"{memory:.0f}", self.goal]


def timed(command: list[str], environ: dict[str, str]) -> Run:
    """Run a process to its end; the kernel says what it used."""
    launch = [sys.executable, "-I", str(Path(__file__).with_name("launch.py"))]
    done = subprocess.run(
        [*launch, *command], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
    )
    code, seconds, megabytes = json.loads(done.stdout)
    if code != 0:
        sys.exit(f"{command} ended with {code}:\n{done.stderr}")
    return Run(seconds=seconds, megabytes=megabytes)


def pairs(
    name: str, goal: str, count: int, ours: Callable[[], Run], bare: Callable[[], Run]
) -> Row:
    """Measure both in turn, after one of each that does not count."""
    ours(), bare()
    found = [(ours(), bare()) for _ in range(count)]
    say(f"measured {name}")
    return Row(name=name, goal=goal, ours=[a for a, _ in found], bare=[b for _, b in found])


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def gitstore(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gitstore", *arguments]


def bare(kind: str, **options: object) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.bare", kind, json.dumps(options)]


def one_environment(work: Path, environ: dict[str, str], runs: int) -> Row:
    """(a) Apply of one changed environment of 60 packages, everything warm."""
    say("making a channel")
    channel = make_channel(work / "channel", requirements=TEST_REQUIREMENTS).as_uri()
    lab = Lab.make(work / "lab", channel=channel)
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28").split()[1]
    lab.push(
        {
            "gitstore.yml": f"channels: ['{channel}', nodefaults]\nplatforms: [linux-64]\n"
            f"virtual-packages: {{linux-64: {{__glibc: '{glibc}'}}}}\n"
        }
    )
    number = iter(range(1000))

    def ours() -> Run:
        lab.ask(*SPECS, name="big", more=f"variables: {{N: '{next(number)}'}}\n")
        return timed(gitstore("--store", str(lab.root), "apply", "--quiet"), environ)

    prefix = work / "prefix"

    def script() -> Run:
        shutil.rmtree(prefix, ignore_errors=True)
        options = {
            "channel": channel,
            "specs": SPECS,
            "virtual": {"__glibc": glibc, "__unix": "0", "__linux": "4.18"},
            "cache": str(work / "bare-cache"),
            "prefix": str(prefix),
            "archive": str(work / "bare.tar.zst"),
        }
        return timed(bare("environment", **options), environ)

    row = pairs("apply, one environment changed", "ratio at most 1.15", runs, ours, script)
    say(f"{len(lab.packages('big'))} packages")
    return row


def many_environments(work: Path, environ: dict[str, str], runs: int, count: int, goal: str) -> Row:
    """(c), (d) Apply where nothing is to do; the parent's memory."""
    say(f"making {count:,} environments")
    channel = make_tiny_channel(work / f"tiny-{count}").as_uri()
    lab = Lab.make(work / f"lab-{count}", channel=channel)
    lab.push(
        {
            spec_path(
                f"e{number:05}"
            ): f"dependencies: [emulsion]\nvariables: {{N: '{number % 10}'}}\n"
            for number in range(count)
        }
    )
    first = timed(gitstore("--store", str(lab.root), "apply", "--quiet"), environ)
    say(f"the first apply took {first.seconds:.0f} s and {first.megabytes:.0f} MB")
    repository = str(lab.root / "repositories" / "team.git")
    return pairs(
        f"apply, nothing to do of {count:,}",
        goal,
        runs,
        lambda: timed(gitstore("--store", str(lab.root), "apply", "--quiet"), environ),
        lambda: timed(bare("list", repository=repository, count=count), environ),
    )


def lock_once(work: Path, environ: dict[str, str], runs: int, platforms: tuple[str, ...]) -> Row:
    """Solve 255 packages of real conda-forge records, against the engine alone."""
    folder = work / f"spec-{len(platforms)}"
    folder.mkdir()
    listed = "".join(f"  - {wish}\n" for wish in SCIENCE)
    (folder / "environment.yml").write_text(
        f"channels:\n  - {SUBSET.as_uri()}\n  - nodefaults\ndependencies:\n{listed}"
        f"platforms: [{', '.join(platforms)}]\n"
    )
    options = {
        "channel": SUBSET.as_uri(),
        "specs": SCIENCE,
        "virtual": {each: virtual_packages_for(each) for each in platforms},
        "cache": str(work / "bare-cache"),
    }
    environ = {**environ, "XDG_CACHE_HOME": str(work / "cache")}
    return pairs(
        f"lock 255 packages for {len(platforms)}",
        "ratio at most 1.15",
        runs,
        lambda: timed(gitstore("preview", str(folder), "--quiet"), environ),
        lambda: timed(bare("solve", **options), environ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--thorough", action="store_true", help="10,000 environments, not 1,000")
    parser.add_argument("--only", choices=["one", "help", "many", "lock"])
    options = parser.parse_args()
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        work = Path(folder)
        # Installed programs have compiled modules; a checkout gets them in a folder of its own.
        environ = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(work / "pycache"),
        }
        rows = []
        if options.only in (None, "help"):
            rows.append(
                pairs(
                    "gitstore --help",
                    "at most 0.2 s",
                    options.runs,
                    lambda: timed(gitstore("--help"), environ),
                    lambda: timed([sys.executable, "-c", "pass"], environ),
                )
            )
        if options.only in (None, "one"):
            rows.append(one_environment(work, environ, options.runs))
        if options.only in (None, "many"):
            rows.append(many_environments(work, environ, options.runs, 1_000, "at most 0.5 s"))
            if options.thorough:
                goal = "at most 1 s, 150 MB"
                rows.append(many_environments(work, environ, options.runs, 10_000, goal))
        if options.only in (None, "lock") and SUBSET.is_dir():
            rows.append(lock_once(work, environ, options.runs, ("linux-64",)))
            three = ("linux-64", "osx-arm64", "win-64")
            rows.append(lock_once(work, environ, options.runs, three))
    table = [["what", "seconds", "bare", "ratio", "MB", "goal"], *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(table[0]))]
    for line in table:
        cells = [c.ljust(w) for c, w in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


if __name__ == "__main__":
    main()
