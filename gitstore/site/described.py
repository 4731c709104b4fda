"""What specs say about themselves: now or, where they are broken or gone, when last locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from gitstore.errors import GitError, GitstoreError
from gitstore.memo import Memo
from gitstore.model.environment import LoadedEnvironment, SpecTree
from gitstore.pipeline.load import load_spec
from gitstore.pipeline.ports import Repository
from gitstore.pipeline.solve import direct_names
from gitstore.pipeline.sources import RevisionTree
from gitstore.site.text import clean, first_line

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What a spec says about itself, and the names that it asks for."""

    description: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    direct: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class DescriptionReader:
    """Reads the specs of a namespace; what a spec's blob says is kept in the memo."""

    repository: Repository
    tree: SpecTree
    runner_platform: str
    memo: Memo

    def of(self, loaded: LoadedEnvironment) -> Described | None:
        """Read a spec at the namespace's revision; None where there is no sound one."""
        if loaded.spec is None or not loaded.is_valid:
            return None
        return self._read(self.tree.revision or "", loaded)

    def of_record(self, solve: Mapping[str, Any]) -> Described:
        """Read the spec that a solve record names, at its own commit."""
        try:
            spec = parsed(lambda: dict(solve["spec"]))
            commit, path = str(spec.get("commit")), str(spec.get("path"))
            entry = self.repository.entry(commit, path)
            loaded = LoadedEnvironment(name="", spec=entry, lock_path="", lock=None)
            return self._read(commit, loaded)
        except GitstoreError:
            # The history was rewritten, or the record says what is not so: the page does without.
            return Described()

    def _read(self, commit: str, loaded: LoadedEnvironment) -> Described:
        def read() -> dict[str, Any]:
            source = RevisionTree(self.repository, commit)
            spec, effective = load_spec(source, loaded, self.tree.settings, self.runner_platform)
            return {
                "description": clean(spec.description),
                "owners": [first_line(owner) for owner in spec.owners],
                "tags": [first_line(tag) for tag in spec.tags],
                "direct": sorted(direct_names(effective)),
            }

        # A link's blob is the path of its target, whose own blob may change.
        entry = loaded.spec
        keep = entry is not None and entry.kind == "file"
        facts = self.memo.derive("described", entry.oid, read) if entry and keep else read()
        return Described(
            description=facts["description"],
            owners=tuple(facts["owners"]),
            tags=tuple(facts["tags"]),
            direct=frozenset(facts["direct"]),
        )


def parsed(parse: Callable[[], _T]) -> _T:
    """Read fields of a record, which anybody who may push to the namespace can write.

    Raises:
        GitError: they are not what they should be.
    """
    try:
        return parse()
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise GitError(f"a record is damaged: {type(exc).__name__}: {exc}") from exc
