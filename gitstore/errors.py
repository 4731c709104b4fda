"""The exception tree. Adapters translate foreign exceptions into these at their edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitstore.model.edits import SpecEdit
    from gitstore.model.problems import Problem

EXIT_DONE = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_PENDING = 4
EXIT_INTERRUPTED = 130


class GitstoreError(Exception):
    """Something went wrong that a person can understand and change.

    ``message`` says what, ``where`` says at what (a file, a namespace, an environment) and
    ``hint`` says what to do next, as a sentence or a command that can be pasted.
    ``code`` is stable across releases and stands in ``docs/reference/codes.md``.
    """

    exit_code = EXIT_SOME_FAILED
    default_code = "failed"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        self.log: str | None = None  # what a program said: a failed build, a solver's tree
        self.edits: Sequence[SpecEdit] = ()  # edits of the spec that were tried and help
        self.patch: str | None = None  # the first of them, as a unified diff of the file
        self.code = code or self.default_code

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel from worker processes; the default would drop the keyword arguments.
        return (_revive, (type(self), self.__dict__.copy()))


def _revive(kind: type[GitstoreError], state: dict[str, object]) -> GitstoreError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


class UsageError(GitstoreError):
    """The command cannot mean anything as it was typed."""

    exit_code = EXIT_USAGE
    default_code = "usage"


class StoppedError(GitstoreError):
    """Somebody pressed Ctrl-C."""

    exit_code = EXIT_INTERRUPTED
    default_code = "interrupted"


class BugError(GitstoreError):
    """A mistake of ours that nothing else expected."""

    exit_code = EXIT_BUG
    default_code = "bug"


class SpecError(GitstoreError):
    """Files that people wrote have problems; ``problems`` holds every one of them."""

    exit_code = 10
    default_code = "spec-invalid"

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        hint: str | None = None,
        where: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where, code=code)
        self.problems = tuple(problems)


class PolicyError(GitstoreError):
    """A rule of the store or the namespace forbids it."""

    exit_code = 11
    default_code = "policy"


class SolveError(GitstoreError):
    """No solution, or the solver could not run."""

    exit_code = 12
    default_code = "unsolvable"


class SolveUnavailableError(SolveError):
    """The channels could not be read; the same solve may succeed later."""

    default_code = "channel-unavailable"
    retryable = True


class BuildError(GitstoreError):
    """An environment could not be installed, packed or tested."""

    exit_code = 13
    default_code = "build-failed"


class TransientBuildError(BuildError):
    """The machine, not the environment, stopped a build: disk, network, a lost worker."""

    default_code = "build-interrupted"
    retryable = True


class PublishError(GitstoreError):
    """An artifact could not be put where it belongs."""

    exit_code = 14
    default_code = "publish-failed"
    retryable = True


class GitError(GitstoreError):
    """A repository could not be read or written."""

    exit_code = 15
    default_code = "git"


class RefMovedError(GitError):
    """Somebody moved the ref between reading and writing it; reload and plan again."""

    default_code = "ref-moved"
    retryable = True


class LockedError(GitstoreError):
    """Another process works on the same repository; the message names it."""

    exit_code = 16
    default_code = "locked"
    retryable = True


class DiskError(GitstoreError):
    """A file could not be written."""

    default_code = "disk"
    retryable = True


class TaskLostError(GitstoreError):
    """A worker process died or was killed while it held a task."""

    default_code = "worker-lost"
    retryable = True


class TaskCrashedError(GitstoreError):
    """A task met a mistake of ours or of an engine; others go on. ``log`` has the trace."""

    default_code = "bug"


class TaskMemoryError(GitstoreError):
    """A task wanted more memory than a worker may have."""

    default_code = "out-of-memory"


class TaskTimeoutError(GitstoreError):
    """A task ran longer than ``executor.timeouts`` allows."""

    default_code = "timed-out"
    retryable = True
