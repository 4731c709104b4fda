"""Run what belongs to an environment where it can neither see nor change anything else.

bubblewrap where it works: its own empty file system with the machine's ``/usr`` and the prefix
in it, both read-only, no network, no other process. A read-only mount needs no copy of the
prefix: a hard link into the shared cache cannot be written through it. Elsewhere a copy of the
prefix, a cleared environment and an own HOME are what there is, and the record says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TEST_TIMEOUT = 300.0
_LIMIT = 20_000
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/nsswitch.conf",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a command ended; ``output`` is what it printed, cut to its last 20,000 characters."""

    exit_code: int
    seconds: float
    output: str


@cache
def has_bubblewrap() -> bool:
    """Say whether bubblewrap is there and may make its namespaces."""
    if shutil.which("bwrap") is None:
        return False
    probe = subprocess.run(
        [*_bubblewrap(Path("/usr"), "/mnt", {}), "/bin/sh", "-c", ":"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    return probe.returncode == 0


def run_in_prefix(
    command: str,
    *,
    root: Path,
    at: str,
    home: Path,
    variables: Mapping[str, str],
    sandboxed: bool,
    timeout: float = TEST_TIMEOUT,
) -> Outcome:
    """Run a shell command in the environment at ``root``, which sees itself at the path ``at``.

    Activation scripts run first. Without the sandbox ``at`` is ``root``.
    """
    environment = {
        "PATH": f"{at}/bin:/usr/bin:/bin",
        "HOME": "/tmp" if sandboxed else str(home),  # noqa: S108  the sandbox's own
        "LANG": "C.UTF-8",
        "CONDA_PREFIX": at,
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    script = (
        'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do '
        '[ ! -r "$script" ] || . "$script"; done; ' + command
    )
    shell = ["/bin/sh", "-e", "-c", script]
    wrapped = [*_bubblewrap(root, at, environment), *shell] if sandboxed else shell
    return _run(wrapped, {} if sandboxed else environment, home, timeout)


def _bubblewrap(root: Path, at: str, environment: Mapping[str, str]) -> list[str]:
    system: list[str] = []
    for path in _SYSTEM:
        if Path(path).is_symlink():
            system += ["--symlink", os.readlink(path), path]
        elif Path(path).is_dir():
            system += ["--ro-bind", path, path]
    for path in _SYSTEM_FILES:
        system += ["--ro-bind-try", path, path]
    variables = [part for item in environment.items() for part in ("--setenv", *item)]
    return [
        "bwrap",
        *system,
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108
        *("--ro-bind", str(root), at, "--chdir", "/tmp"),  # noqa: S108
        *("--unshare-all", "--new-session", "--die-with-parent", "--clearenv"),
        *("--cap-drop", "ALL", *variables),
    ]


def _run(
    command: Sequence[str], environment: Mapping[str, str], home: Path, timeout: float
) -> Outcome:
    started = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    path = dict(environment) or {"PATH": os.defpath}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=path,
        cwd=home,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nstopped after {timeout:.0f} s\n".encode()
            code = 124
    text = output.decode("utf-8", "replace")
    return Outcome(exit_code=code, seconds=time.monotonic() - started, output=text[-_LIMIT:])
