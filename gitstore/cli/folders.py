"""What ``check`` and ``preview`` look at: a namespace of a store, a folder, or a single file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitstore.cli.namespaces import each_namespace
from gitstore.cli.session import Session, runner_platform
from gitstore.errors import UsageError
from gitstore.memo import Memo
from gitstore.model.environment import SpecTree, environment_id
from gitstore.model.problems import Problem
from gitstore.model.records import History
from gitstore.model.settings import NAMESPACE_FILE, NamespaceEntry
from gitstore.pipeline.load import load_namespace
from gitstore.pipeline.ports import SourceTree
from gitstore.pipeline.sources import FolderTree

if TYPE_CHECKING:
    from gitstore.wiring import Store


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Specs to look at, and where they come from. ``selected`` is None for all of them.

    ``root`` is the folder of files on disk, None for a revision.
    """

    source: SourceTree
    tree: SpecTree
    root: Path | None = None
    selected: frozenset[str] | None = None
    history: History = field(default_factory=History)

    @property
    def environments(self) -> int:
        found = self.selected if self.selected is not None else self.tree.environments
        return len(found)

    def problems(self) -> list[Problem]:
        """Return the problems of the settings and of the environments that were asked for.

        Files of a repository are named ``NAMESPACE:path``, as git names files of revisions.
        """
        found = [
            *self.tree.problems,
            *(
                problem
                for environment in self.tree.environments
                if self.selected is None or environment.name in self.selected
                for problem in environment.problems
            ),
        ]
        if self.tree.revision is None:
            return found
        return [replace(p, file=f"{self.tree.namespace}:{p.file}") for p in found]


def folder_subject(path: Path) -> Subject:
    """Load the specs of a folder, or one spec file with the settings that lie above it.

    Raises:
        UsageError: there is nothing at that path.
    """
    if not path.exists():
        raise UsageError(f"there is neither a folder nor a file `{path}`")
    path = path.resolve()
    root = _settings_folder(path.parent) if path.is_file() else path
    tree = load_namespace(
        FolderTree(root),
        namespace=environment_id(path.parent.name if path.is_file() else path.name)[0] or "specs",
        runner_platform=runner_platform(),
        memo=Memo(None),
        only=path.relative_to(root).as_posix() if path.is_file() else None,
    )
    return Subject(source=FolderTree(root), tree=tree, root=root)


def _settings_folder(folder: Path) -> Path:
    """Return the folder whose ``gitstore.yml`` is a file's: the nearest one in its repository."""
    for at in (folder, *folder.parents):
        if (at / NAMESPACE_FILE).is_file():
            return at
        if (at / ".git").exists():
            break
    return folder


def subjects_of(session: Session, what: tuple[str, ...]) -> list[Subject]:
    """Load what was named: namespaces, paths, or (nothing named) the store or this folder.

    A name that the store knows is a namespace; `./name` is always a path.
    """
    store = session.store() if session.find_store() else None
    known = {entry.name for entry in store.settings.namespaces} if store else set()
    paths = [text for text in what if _is_path(text, known)]
    names = tuple(text for text in what if text not in paths)
    subjects = [folder_subject(Path(path)) for path in paths]
    if store is not None and (names or not what):
        subjects += _namespace_subjects(session, store, names)
    elif names:
        raise UsageError(
            f"there is neither a folder nor a file `{names[0]}`, and no store here to look in"
        )
    elif not what:
        subjects.append(folder_subject(Path()))
    return subjects


def _is_path(text: str, namespaces: set[str]) -> bool:
    if text.startswith((".", "/", "~")):
        return True
    return text.partition("/")[0] not in namespaces and Path(text).exists()


def _namespace_subjects(session: Session, store: Store, what: tuple[str, ...]) -> list[Subject]:
    """Load namespaces of the store at the heads of their branches."""
    from gitstore.pipeline.history import load_history
    from gitstore.pipeline.run import check_selected, load_head
    from gitstore.pipeline.sources import RevisionTree

    def load(entry: NamespaceEntry, selected: frozenset[str] | None) -> Subject:
        with session.ports(store, entry) as ports:
            tree = load_head(ports)
            check_selected(tree, selected)
            history = load_history(ports.repository, ports.memo)
            ports.memo.save()
            source = RevisionTree(ports.repository, tree.revision or "")
            return Subject(source=source, tree=tree, selected=selected, history=history)

    found, errors = each_namespace(store, what, load)
    for name, error in errors:
        session.reporter.failure(name, error)
    return found
