"""What the stages need of the world, as protocols. Adapters are chosen in ``wiring``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gitstore.model.environment import CommitInfo, TreeEntry
from gitstore.model.event import Event
from gitstore.model.work import BuildRequest, BuildResult, Solution, SolveRequest


class SourceTree(Protocol):
    """The files of a revision, or of a folder that was not committed."""

    revision: str | None

    def entries(self, prefix: str) -> Iterator[TreeEntry]:
        """Yield the files below a folder (with a final slash, or empty)."""

    def folder_id(self, prefix: str) -> str | None:
        """Return the git tree id of a folder; None where it is not there or has none."""

    def entry(self, path: str) -> TreeEntry | None:
        """Return one file, or None."""

    def size(self, entry: TreeEntry) -> int:
        """Return a file's size in bytes, without reading it."""

    def read(self, entry: TreeEntry) -> bytes:
        """Return a file's bytes; for a link, its target's path."""


class Repository(Protocol):
    """A namespace's repository: reads, commits without a work tree, compare-and-swap of refs."""

    @property
    def git_dir(self) -> Path: ...

    def head_ref(self) -> str: ...

    def resolve(self, ref: str) -> str | None: ...

    def entries(self, commit: str, prefix: str = "") -> Iterator[TreeEntry]: ...

    def folder_id(self, commit: str, prefix: str) -> str | None: ...

    def entry(self, commit: str, path: str) -> TreeEntry | None: ...

    def size(self, oid: str) -> int: ...

    def has_object(self, oid: str) -> bool: ...

    def read(self, oid: str) -> bytes: ...

    def commit(
        self,
        files: Mapping[str, bytes | None],
        *,
        parent: str | None,
        message: str,
        author: str,
        when: datetime,
    ) -> str | None: ...

    def compare_and_swap(self, ref: str, new: str, old: str | None) -> None: ...

    def first_parents(self, head: str) -> Iterator[CommitInfo]: ...

    def message(self, commit: str) -> str: ...

    def changed_files(self, commit: str, parent: str | None) -> list[tuple[str, str | None]]: ...


class Solver(Protocol):
    """Finds the packages of an environment on every platform. Never runs package code."""

    def solve(self, request: SolveRequest) -> Solution:
        """Solve all platforms of one environment.

        Raises:
            SolveError: no solution for a platform that somebody asked for by name.
            SolveUnavailableError: a channel could not be read.
        """


class Builder(Protocol):
    """Turns locked packages into artifacts, in a work folder of the request."""

    def build(self, request: BuildRequest) -> BuildResult:
        """Install, pack and test.

        Raises:
            BuildError: it cannot be built; ``code`` says in which way.
        """


class Publisher(Protocol):
    """Puts artifacts where people get them. Content-addressed, so repeating is harmless."""

    name: str

    def has(self, digest: str) -> bool:
        """Say whether the bytes are there."""

    def put(self, path: Path, digest: str) -> str:
        """Store a file under its digest and return its key; the file may be moved away.

        Raises:
            PublishError: the target refused, or the bytes do not have that digest.
        """

    def get(self, digest: str, destination: Path) -> None:
        """Copy the bytes to a file.

        Raises:
            PublishError: they are not there.
        """


class TaskExecutor(Protocol):
    """Runs module-level functions of picklable values elsewhere (``concurrent.futures``).

    ``capacity`` is how many tasks it wants in hand, so that no worker waits for the next one.
    """

    @property
    def capacity(self) -> int: ...

    def warm_up(self, function: Callable[[], Any]) -> None: ...

    def submit_task(self, function: Callable[..., Any], *args: Any, timeout: float) -> Future[Any]:
        """Run a task. Its future fails with TaskLostError or TaskTimeoutError where it must."""

    def stop(self) -> None:
        """Kill what runs and drop what waits."""


class Clock(Protocol):
    """The time, handed in so that stages stay repeatable."""

    def __call__(self) -> datetime: ...


class Events(Protocol):
    """Hears what a run does, while it does it."""

    def __call__(self, event: Event) -> None: ...


class Elsewhere(Protocol):
    """Looks for a build of the same content and recipe in the store's other namespaces."""

    def __call__(self, platform: str, content: str, recipe: str) -> dict[str, Any] | None:
        """Return its build record, or None."""
