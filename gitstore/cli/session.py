"""One call of the command line: its options, the environment, the clock, and the streams."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from gitstore.errors import UsageError
from gitstore.output import Reporter

if TYPE_CHECKING:
    from gitstore.model.settings import NamespaceEntry, StoreSettings
    from gitstore.model.work import Network
    from gitstore.pipeline.state import NamespacePorts
    from gitstore.wiring import Store

_SYSTEMS = {"Linux": "linux", "Darwin": "osx", "Windows": "win"}
_MACHINES = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64", "arm64": "arm64", "i686": "32"}


@dataclass
class Session:
    """What a command was called with. Filled by the options, read by the commands."""

    store_option: Path | None = None
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False
    offline: bool = False
    command: str = "gitstore"

    @property
    def reporter(self) -> Reporter:
        environ = os.environ
        colour = sys.stderr.isatty() and sys.stdout.isatty() and not environ.get("NO_COLOR")
        return Reporter(
            out=sys.stdout,
            err=sys.stderr,
            as_json=self.as_json,
            verbose=self.verbose,
            quiet=self.quiet,
            colour=colour and environ.get("TERM") != "dumb",
        )

    def next(self, command: str) -> None:
        """Say what to type next, for the same store."""
        if self.store_option and command.startswith("gitstore "):
            command = f"gitstore --store {self.store_option} {command.removeprefix('gitstore ')}"
        self.reporter.next(command)

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def find_store(self) -> Path | None:
        """Return the store's folder: the option, the environment, or the nearest one above here."""
        from gitstore.model.settings import STORE_FILE

        named = self.store_option or os.environ.get("GITSTORE_STORE")
        if named:
            return Path(named)
        here = Path.cwd()
        return next(
            (folder for folder in (here, *here.parents) if (folder / STORE_FILE).is_file()), None
        )

    def store(self) -> Store:
        """Open the store.

        Raises:
            UsageError: there is none here.
        """
        from gitstore.wiring import open_store

        root = self.find_store()
        if root is None:
            raise UsageError(
                "there is no store here or in a folder above",
                hint="`gitstore init lab` makes one; `--store DIR` names one",
            )
        return open_store(root)

    def cache_folder(self) -> Path:
        """Return the user's cache folder, for commands that need no store."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "gitstore"

    def network(self, settings: StoreSettings | None) -> Network:
        """Return how channels are reached."""
        from gitstore.model.work import Network

        return Network(mirrors=settings.mirrors if settings else {}, offline=self.offline)

    @property
    def holder(self) -> str:
        """Name this process to who waits for its locks."""
        since = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            f"`gitstore {self.command}`, process {os.getpid()} on {platform.node()} since {since}"
        )

    @property
    def run_name(self) -> str:
        return f"{os.getpid()}-{secrets.token_hex(4)}"

    @contextmanager
    def ports(
        self, store: Store, entry: NamespaceEntry, *, run_name: str = "", workers: int | None = None
    ) -> Iterator[NamespacePorts]:
        """Wire the ports of one namespace."""
        from gitstore.wiring import namespace_ports

        with namespace_ports(
            store,
            entry,
            clock=self.now,
            events=self.reporter.event,
            run_name=run_name or self.run_name,
            runner_platform=runner_platform(),
            network=self.network(store.settings),
            workers=workers,
        ) as ports:
            yield ports


def runner_platform() -> str:
    """Return the platform that this machine builds for, in conda's words."""
    system = _SYSTEMS.get(platform.system(), "linux")
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if system != "linux" and machine == "aarch64":
        machine = "arm64"
    return f"{system}-{machine}"
