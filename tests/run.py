"""Set up everything the tests need, then run every check: the README's one test command.

It needs a Python with pip, and git. What it installs for Python goes to ``.cache/`` and ``.venv/``
in this checkout; system programs come by apt-get where that may be used. Without them the rest
still runs, and the summary lists what did not; with ``CI=true`` a missing one is a failure.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 10):  # noqa: UP036  said before anything below fails to load
    sys.exit("tests/run.py needs Python 3.10 or newer, and this is " + sys.version.split()[0])

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
UV = CACHE / "bootstrap" / "bin" / "uv"
UV_VERSIONS = "uv>=0.13,<1"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
MEMORY_DISK = Path("/dev/shm")
MEMORY_NEEDED = 2 * 1024**3
INTERRUPTED = 130

Environment = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """Something of the system that some tests use, and a command that works where it is there."""

    name: str
    package: str
    probe: tuple[str, ...]


COMPONENTS = (
    # A kernel or container without user namespaces can have bubblewrap and be unable to use it.
    Component(
        name="bubblewrap",
        package="bubblewrap",
        probe=("bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-all", "true"),
    ),
    Component(name="strace", package="strace", probe=("strace", "-f", "-o", os.devnull, "true")),
    Component(name="chromium", package="chromium", probe=("chromium", "--version")),
    # What it brings along to drive a browser links a library that Debian leaves out.
    Component(
        name="playwright", package="libatomic1", probe=("python", "-m", "playwright", "--version")
    ),
    Component(name="zstd", package="zstd", probe=("zstd", "--version")),
)


class SetupError(Exception):
    """Something without which nothing after it can run."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(kw_only=True, slots=True)
class Report:
    """What has happened so far; prints a line per step."""

    started: float = field(default_factory=time.monotonic)
    ran: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, int]] = field(default_factory=list)

    def say(self, text: str, *, end: str = "\n") -> None:
        sys.stdout.write(text + end)
        sys.stdout.flush()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Print the name, then the words the block put into the list and the time it took."""
        begun = time.monotonic()
        words: list[str] = []
        self.say(f"{name:<12} ", end="")
        try:
            yield words
        except BaseException:
            self.say("stopped")
            raise
        self.say(f"{', '.join(words) or 'ok':<44} {time.monotonic() - begun:6.1f} s")

    def summarize(self) -> None:
        self.say("\nSummary")
        self.say(f"  ran            {', '.join(self.ran) or 'nothing'}")
        for reason in dict.fromkeys(self.missing.values()):
            packages = [each for each in self.missing if self.missing[each] == reason]
            self.say(f"  could not run  what needs {' or '.join(packages)}: {reason}")
        for reason, count in sorted(self.skipped.items()):
            self.say(f"  did not run    {count} x {reason}")
        for name, code in self.failed:
            self.say(f"  FAILED         {name} (exit {code})")
        verdict = "failed" if self.failed else "what could run is fine" if self.missing else "fine"
        self.say(f"  result         {verdict}, after {time.monotonic() - self.started:.1f} s")


def main(argv: Sequence[str]) -> int:
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        usage="tests/run.py [--setup | --thorough] [-- PYTEST ARGS]", description=__doc__
    )
    parser.add_argument("--setup", action="store_true", help="only make .venv, with gitstore in it")
    parser.add_argument("--thorough", action="store_true", help="full counts instead of a tenth")
    options = parser.parse_args(argv[:cut])
    pytest_args = [*(["--thorough"] if options.thorough else []), *argv[cut + 1 :]]
    # A runner that ends us must not leave pytest and its work folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report = Report()
    try:
        env = tool_environment(os.environ)
        install_uv(report, env)
        install_project(report, env)
        if not options.setup:
            run_all(report, env, pytest_args)
    except SetupError as exc:
        report.say(f"\n{exc}")
        report.failed.append(("set-up", exc.code))
    except KeyboardInterrupt:
        report.failed.insert(0, ("interrupted", INTERRUPTED))
    if report.ran or report.failed:
        report.summarize()
    return report.failed[0][1] if report.failed else 0


def run_all(report: Report, env: Environment, pytest_args: Sequence[str]) -> None:
    install_components(report, env)
    ruff = ["--quiet", "--exclude=.cache,.venv", "."]  # outside of git it knows no .gitignore
    run_check(report, env, "ruff check", ["ruff", "check", *ruff])
    run_check(report, env, "ruff format", ["ruff", "format", "--check", *ruff])
    run_check(report, env, "mypy", ["mypy"])
    run_pytest(report, env, pytest_args)
    if report.missing and env.get("CI") == "true":
        report.failed.append(("components are missing, and CI=true", 1))


# --- processes ---------------------------------------------------------------------------------


def tool_environment(given: Environment) -> dict[str, str]:
    """Return the caller's environment as an activated one, with every cache in the checkout."""
    # A git hook's GIT_DIR is another repository's, and a PYTHONPATH another project's.
    astray = {"PYTHONHOME", "PYTHONPATH", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"}
    return {
        "UV_CACHE_DIR": str(CACHE / "uv"),  # the home may be missing or read-only
        "UV_SYSTEM_CERTS": "true",  # the certificates pip trusts, not a second set
        **{name: value for name, value in given.items() if name not in astray},
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "MYPY_CACHE_DIR": str(CACHE / "mypy"),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{given.get('PATH') or os.defpath}",
        "PIP_REQUIRE_VIRTUALENV": "0",  # pip writes to --target only
        "PIP_USER": "0",
        "RUFF_CACHE_DIR": str(CACHE / "ruff"),
        "VIRTUAL_ENV": str(VENV),
    }


def call(argv: Sequence[str | Path], env: Environment, *, show: bool = False) -> tuple[int, str]:
    """Run a program in the checkout; return its exit code and, unless it is shown, its output."""
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=env,
        stdin=None if show else subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = process.communicate()
    except BaseException as exc:
        # Ctrl-C goes to all of a terminal's processes: this one has most likely been told.
        stop(process, told=isinstance(exc, KeyboardInterrupt))
        raise
    return process.returncode, output or ""


def stop(process: subprocess.Popen[str], *, told: bool) -> None:
    for number in (None if told else signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return


def last_lines(output: str, count: int = 15) -> str:
    return "\n".join(f"  {line}" for line in output.rstrip().splitlines()[-count:])


# --- set-up ------------------------------------------------------------------------------------


def install_uv(report: Report, env: Environment) -> None:
    """Fetch uv with pip: --target is allowed where Debian's pip refuses, and needs no venv."""
    if UV.is_file():
        return
    # An environment that uv made has no pip; the Python it was made from may have one.
    python = sys.executable if importlib.util.find_spec("pip") else base_python()
    target = UV.parent.parent
    with report.step("uv") as words:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        code, output = call(
            [*pip, "--no-cache-dir", "--upgrade", "--target", target, UV_VERSIONS], env
        )
        if code or not UV.is_file():
            raise SetupError(
                f"pip could not install uv (exit {code}):\n{last_lines(output)}\n"
                "It needs pip (Debian: python3-pip) and PyPI, or a mirror that pip is told of.",
                code or 1,
            )
        words.append("installed in .cache")


def install_project(report: Report, env: Environment) -> None:
    """Make .venv anew whenever what it was made from has changed."""
    wanted = "\n".join(
        [hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(), sys.version, str(ROOT)]
    )
    with report.step("environment") as words:
        if PYTHON.exists() and STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
            words.append("up to date")
            return
        commands: tuple[list[str | Path], ...] = (
            ["venv", "--clear", "--python", base_python(), VENV],
            ["pip", "install", "--python", PYTHON, "--editable", ".", "--group", "dev"],
        )
        for command in commands:
            code, output = call([UV, "--quiet", "--no-progress", *command], env)
            if code:
                raise SetupError(
                    f"uv {command[0]} failed (exit {code}):\n{last_lines(output)}\n"
                    "Where PyPI cannot be reached, UV_DEFAULT_INDEX names another index.",
                    code,
                )
        STAMP.write_text(wanted, encoding="utf-8")
        words.append("installed in .venv")


def base_python() -> str:
    """Return the Python behind this one, since ``.venv`` itself may be what runs this."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def install_components(report: Report, env: Environment) -> None:
    with report.step("components") as words:
        missing = missing_components(env)
        if missing:
            why = install_packages([each.package for each in missing], env)
            report.missing = {
                each.name: f"does not work here: {said}{why and f', and {why}'}"
                for each, said in missing_components(env).items()
            }
        for each in COMPONENTS:
            words.append(f"{each.name}{' missing' if each.name in report.missing else ''}")


def missing_components(env: Environment) -> dict[Component, str]:
    """Return the components that tests cannot use, each with what its probe said."""
    return {each: said for each in COMPONENTS if (said := probe_component(each, env))}


def probe_component(component: Component, env: Environment) -> str:
    try:
        code, output = call(component.probe, env)
    except OSError:
        return "not installed"
    return (last_lines(output, 1).strip() or f"exit {code}") if code else ""


def install_packages(packages: Sequence[str], env: Environment) -> str:
    """Install Debian packages where that may be done; return why not where it could not."""
    by_hand = f"(as root: apt-get install {' '.join(packages)})"
    if shutil.which("apt-get") is None:
        return "there is no apt-get to install it with"
    root = os.geteuid() == 0
    if not root and (shutil.which("sudo") is None or call(["sudo", "-n", "true"], env)[0]):
        return f"this user may not install it {by_hand}"
    apt = [*([] if root else ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    apt += ["-qq", "-o", "DPkg::Lock::Timeout=120"]
    call([*apt, "update"], env)  # where it fails, install says what is wrong
    code, output = call([*apt, "install", "--yes", "--no-install-recommends", *packages], env)
    said = last_lines(output, 1).strip()
    return f"apt-get could not help: {said} {by_hand}" if code else ""


# --- checks ------------------------------------------------------------------------------------


def run_check(report: Report, env: Environment, name: str, command: Sequence[str]) -> None:
    """Run a module of the environment; its output matters only where it fails."""
    with report.step(name) as words:
        code, output = call([PYTHON, "-m", *command], env)
        if code:
            words.append("FAILED")
    record(report, name, code)
    if code:
        report.say(output.rstrip())


def run_pytest(report: Report, env: Environment, args: Sequence[str]) -> None:
    with work_folder() as work:
        results = work / "results.xml"
        command: list[str | Path] = [PYTHON, "-m", "pytest", "-n", str(cores())]
        command += ["-o", f"cache_dir={CACHE / 'pytest'}", f"--basetemp={work / 'pytest'}"]
        command += [f"--junitxml={results}", *args]
        report.say(f"pytest       on {cores()} cores, working in {work.parent}\n")
        code, _ = call(command, test_environment(env, work), show=True)
        report.skipped.update(skip_reasons(results))
    record(report, "pytest", code)


def record(report: Report, name: str, code: int) -> None:
    report.ran.append(name)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        report.failed.append(
            (name, code if code > 0 else 128 - code)
        )  # a shell's code for a signal


def test_environment(env: Environment, work: Path) -> dict[str, str]:
    """Give the tests an empty home and their own temporary folder: nothing leaks in or out."""
    for folder in ("home", "tmp"):
        (work / folder).mkdir()
    kept = {name: value for name, value in env.items() if not name.startswith("XDG_")}
    return {**kept, "HOME": str(work / "home"), "TMPDIR": str(work / "tmp")}


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder in memory where there is room, and remove it whatever was made in it."""
    parent = MEMORY_DISK if memory_disk_serves() else None
    work = Path(tempfile.mkdtemp(prefix="gitstore-", dir=parent))
    try:
        yield work
    finally:
        for folder, names, _ in os.walk(work):
            for path in (Path(folder, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)  # tests make read-only folders
        shutil.rmtree(work, ignore_errors=True)


def memory_disk_serves() -> bool:
    """Containers often have a tiny /dev/shm, or one from which no program can be started."""
    if not os.access(MEMORY_DISK, os.W_OK | os.X_OK):
        return False
    disk = os.statvfs(MEMORY_DISK)
    return disk.f_bavail * disk.f_frsize >= MEMORY_NEEDED and not disk.f_flag & os.ST_NOEXEC


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def skip_reasons(results: Path) -> Counter[str]:
    """Count the skipped tests in pytest's JUnit file by reason."""
    if not results.is_file():
        return Counter()
    skipped = ET.parse(results).iter("skipped")
    return Counter(
        each.get("message", "no reason") for each in skipped if each.get("type") == "pytest.skip"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
