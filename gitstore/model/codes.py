"""The closed lists: every problem, reason and failure has one stable code from its first day.

``docs/reference/codes.md`` is generated from here, and so are the ``enum`` of the schemas' tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """One entry of a closed list, with what it means and what a person does about it."""

    code: str
    meaning: str
    todo: str = ""
    severity: Severity = "error"


def _table(*codes: Code) -> dict[str, Code]:
    return {entry.code: entry for entry in codes}


def _error(code: str, meaning: str, todo: str) -> Code:
    return Code(code=code, meaning=meaning, todo=todo)


def _warning(code: str, meaning: str, todo: str) -> Code:
    return Code(code=code, meaning=meaning, todo=todo, severity="warning")


PROBLEMS = _table(
    _error("file-too-large", "A spec or a settings file is larger than 1 MiB.", "Make it smaller."),
    _error(
        "not-a-file",
        "A path that should be a file is a folder, a submodule or a link that leaves the tree.",
        "Put a plain file there.",
    ),
    _error("not-utf8", "A file is not text in UTF-8.", "Save it as UTF-8."),
    _error("yaml-syntax", "A file is not valid YAML.", "Mend the place that is named."),
    _error(
        "yaml-template",
        "A file holds Jinja or another template language, which only its own tool can fill in.",
        "Write out the values.",
    ),
    _error("yaml-duplicate-key", "A key stands twice in one mapping.", "Keep one of the two."),
    _error("yaml-alias", "An alias refers to nothing, or to itself.", "Write the value out."),
    _error(
        "yaml-tag", "A YAML tag (`!name`) asks for something that is not plain data.", "Remove it."
    ),
    _error("yaml-too-deep", "YAML is nested deeper than 50 levels.", "Write it flat."),
    _error(
        "yaml-too-many",
        "YAML unfolds to more than 20,000 values.",
        "Write fewer aliases and values.",
    ),
    _error("yaml-documents", "A file holds more than one YAML document.", "Keep one."),
    _error(
        "not-a-mapping",
        "A file should hold keys and values and holds something else.",
        "See the example.",
    ),
    _error("wrong-type", "A value has the wrong type.", "Write the type that is named."),
    _error("unknown-key", "A key that gitstore does not know.", "Correct or remove it."),
    _error("missing-key", "A required key is missing.", "Add it."),
    _error("invalid-value", "A value is outside what is allowed.", "Write one that is allowed."),
    _error("format-too-new", "A file was written for a newer gitstore.", "Upgrade gitstore."),
    _error(
        "name-invalid",
        "An environment's name cannot be used in paths and URLs.",
        "Rename its folder.",
    ),
    _error("name-collision", "Two specs give environments of one name.", "Rename one of the two."),
    _error(
        "spec-invalid-matchspec",
        "A dependency is not a MatchSpec.",
        "Write `name`, `name >=1.2` or `name=1.2`.",
    ),
    _error(
        "spec-option", "A line of pip or conda options stands where a package should.", "Remove it."
    ),
    _error(
        "spec-selector",
        "A platform selector has words that no platform answers to.",
        "Write for example `sel(linux)`.",
    ),
    _warning(
        "spec-glued-version",
        "A name ends in what looks like a version.",
        "Put a `=` between them.",
    ),
    _warning(
        "selector-ignored",
        "A comment looks like a platform selector and cannot be understood.",
        "Write for example `# [linux]`.",
    ),
    _error(
        "pypi-invalid",
        "A line below `pip:` is not a requirement (PEP 508).",
        "Write `name` or `name>=1.2`.",
    ),
    _error(
        "pypi-editable",
        "An editable installation is a folder of one machine.",
        "Remove the line, or name the git repository.",
    ),
    _error(
        "pypi-path",
        "A requirement is a file of one machine.",
        "Publish it to an index or a git repository.",
    ),
    _error(
        "pypi-include",
        "A requirements file is not in the repository, or cannot be read.",
        "Commit it, or write its lines into the spec.",
    ),
    _error(
        "pypi-option",
        "An option of pip that a lockfile cannot keep.",
        "Remove it; `pypi:` in gitstore.yml sets the index.",
    ),
    _error(
        "pypi-secret",
        "The URL of a requirement or an index holds a name, a password or a token.",
        "Remove it, and replace that secret: it is public now.",
    ),
    _warning(
        "pypi-misplaced",
        "A requirements file stands among the conda packages.",
        "Move the line below a `- pip:`.",
    ),
    _error(
        "channel-invalid", "A channel is neither a name nor a URL.", "Write `conda-forge` or a URL."
    ),
    _error(
        "channel-secret",
        "A URL holds a password or a token.",
        "Remove it, and replace that secret: it is public now.",
    ),
    _warning(
        "channel-terms",
        "A channel whose terms of use somebody has to accept before it is solved from.",
        "Use conda-forge.",
    ),
    _error(
        "channel-not-allowed",
        "A channel that the store or the namespace does not allow.",
        "Use an allowed one, or ask for it.",
    ),
    _error("platform-unknown", "Not one of conda's platforms.", "Write for example `linux-64`."),
    _warning("key-ignored", "A key that nothing reads.", "Remove it, or correct its spelling."),
    _warning(
        "prefix-ignored", "`prefix:` names a folder of somebody's machine.", "Remove the line."
    ),
    _warning(
        "channels-mixed",
        "`defaults` and `conda-forge` stand in one list; their packages break together.",
        "Keep one of the two.",
    ),
    _warning("python-missing", "`pip:` needs a Python and the spec names none.", "Add `python=…`."),
    _warning(
        "variable-secret",
        "A variable looks like a secret, and would go into git and into archives.",
        "Set it where the environment is used.",
    ),
    _warning("pin-loose", "An interpreter has no version.", "Write the one that you use."),
    _warning(
        "pin-tight",
        "Packages are pinned to one build, as `conda env export` writes them.",
        "Keep name and version.",
    ),
    _warning("no-dependencies", "The environment asks for no package.", "Add a dependency."),
    _warning(
        "no-environments",
        "No spec was found where the namespace's settings say.",
        "Add one, or set `environments:`.",
    ),
    _warning(
        "name-lowered", "The environment's name was written in lower case.", "Rename its folder."
    ),
    _warning("number-as-text", "A number was taken as text.", "Put it in quotes."),
)

REASONS = _table(
    Code(code="new", meaning="There is a spec and no lockfile yet."),
    Code(
        code="input-changed",
        meaning="The spec or the settings changed since the lockfile was made.",
    ),
    Code(
        code="lock-unverified",
        meaning="The lockfile is in no solve record: a solve must give it again.",
    ),
    Code(
        code="lock-restored", meaning="The same input was locked before; that lockfile is put back."
    ),
    Code(
        code="update-asked",
        meaning="Somebody asked for newer packages: `gitstore lock --update --all`.",
    ),
    Code(code="not-built", meaning="The lockfile's content was never built with this recipe."),
    Code(code="target-added", meaning="A target does not have the artifacts yet."),
    Code(code="spec-deleted", meaning="The spec is gone; its lockfile is retired."),
    Code(code="up-to-date", meaning="Everything that git asks for is there."),
    Code(code="no-runner", meaning="No runner here builds for that platform."),
    Code(code="spec-invalid", meaning="The spec has problems; `gitstore check` shows them."),
    Code(
        code="lock-only",
        meaning="A lockfile that somebody brought, without a spec: nothing to solve.",
    ),
    Code(
        code="failed-before",
        meaning="The same work failed; it is tried again when the item says, or with `--retry`.",
    ),
    Code(
        code="same-content", meaning="Another environment of this run builds the very same content."
    ),
    Code(code="not-selected", meaning="The command named other environments."),
    Code(code="frozen", meaning="The namespace is frozen by `freeze:`."),
)

FAILURES = _table(
    Code(
        code="unsolvable",
        meaning="No set of packages satisfies the spec.",
        todo="Loosen what the message names.",
    ),
    Code(
        code="channel-unavailable",
        meaning="A channel could not be read.",
        todo="Check the network and the channel's name.",
    ),
    Code(
        code="lock-breach",
        meaning="A lockfile that gitstore did not write cannot be derived from its spec.",
        todo="Delete the lockfile; it will be made anew.",
    ),
    Code(
        code="lock-invalid",
        meaning="A lockfile cannot be read; the message says what is wrong and where.",
        todo="Restore the one before, or delete it; it will be made anew.",
    ),
    Code(
        code="channel-terms",
        meaning="A channel has terms of use that nobody has accepted for the store.",
        todo="Use conda-forge, or have them accepted in store.yml.",
    ),
    Code(
        code="index-not-allowed",
        meaning="A spec names an index that is not one of the namespace's.",
        todo="Remove it, or add it to `pypi:` in gitstore.yml.",
    ),
    Code(
        code="sdists-not-allowed",
        meaning="A package has to be built from source, which runs its code.",
        todo="Use a release with a wheel, or have sdists allowed by namespace and store.",
    ),
    Code(
        code="pypi-unsolvable",
        meaning="The packages below `pip:` fit neither each other nor what conda brings.",
        todo="Loosen what the message names.",
    ),
    Code(
        code="solver-missing",
        meaning="The namespace asks for a solver that is not installed.",
        todo="Install the extra that the message names.",
    ),
    Code(
        code="out-of-memory",
        meaning="A task wanted more memory than `executor: {memory: …}` allows a worker.",
        todo="Raise it, or ask for less.",
    ),
    Code(
        code="pypi-unavailable",
        meaning="An index of PyPI's kind could not be read.",
        todo="Check the network and the index.",
    ),
    Code(
        code="channel-not-allowed",
        meaning="A locked package comes from a channel that is not allowed.",
        todo="Ask the operator of the store.",
    ),
    Code(
        code="policy",
        meaning="A rule of the store or the namespace forbids it.",
        todo="Read which rule.",
    ),
    Code(
        code="build-failed",
        meaning="The packages could not be installed or packed.",
        todo="Read the log.",
    ),
    Code(
        code="package-corrupt",
        meaning="A package's bytes do not have the hash that the lockfile names.",
        todo="Try again; if it stays, tell the channel's owner.",
    ),
    Code(
        code="test-failed",
        meaning="A smoke test of the environment failed.",
        todo="Read the test's output in the log.",
    ),
    Code(
        code="disk-space",
        meaning="The disk has not enough room.",
        todo="Free some; `cache/` may be deleted at any time.",
    ),
    Code(
        code="disk",
        meaning="A file could not be written.",
        todo="Check the disk and its permissions.",
    ),
    Code(
        code="build-interrupted",
        meaning="The machine stopped the build.",
        todo="Nothing: it is tried again.",
    ),
    Code(
        code="worker-lost",
        meaning="The worker process died (often out of memory).",
        todo="Give it more memory.",
    ),
    Code(
        code="timed-out",
        meaning="It took longer than `executor.timeouts` allows.",
        todo="Raise the limit in store.yml.",
    ),
    Code(
        code="publish-failed",
        meaning="A target did not take an artifact.",
        todo="Check the target.",
    ),
    Code(
        code="git", meaning="A repository could not be read or written.", todo="Read the message."
    ),
    Code(
        code="ref-moved",
        meaning="The branch kept moving while gitstore worked.",
        todo="Run `gitstore apply` again.",
    ),
    Code(
        code="locked", meaning="Another gitstore works on the same repository.", todo="Wait for it."
    ),
    Code(
        code="spec-invalid",
        meaning="Files that people wrote have problems.",
        todo="Run `gitstore check`.",
    ),
    Code(
        code="usage",
        meaning="The command cannot mean anything as it was typed.",
        todo="See `--help`.",
    ),
    Code(
        code="failed",
        meaning="Something went wrong that has no code of its own.",
        todo="Read the message.",
    ),
    Code(
        code="interrupted",
        meaning="Somebody pressed Ctrl-C.",
        todo="Run it again; nothing is lost.",
    ),
    Code(
        code="bug", meaning="A mistake in gitstore.", todo="Report it with the log that is named."
    ),
)

VERBS = ("lock", "build", "publish", "retire", "skip")
