"""What ``check`` and ``preview`` look at: a namespace of a store, a folder, or a single file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitstore.cli.session import Session, runner_platform
from gitstore.errors import UsageError
from gitstore.memo import Memo
from gitstore.model.environment import SpecTree, environment_id
from gitstore.pipeline.load import load_namespace
from gitstore.pipeline.ports import SourceTree
from gitstore.pipeline.sources import FolderTree


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Specs to look at, and where they come from. ``selected`` is None for all of them."""

    source: SourceTree
    tree: SpecTree
    selected: frozenset[str] | None = None


def folder_subject(path: Path) -> Subject:
    """Load the specs of a folder, or one spec file.

    Raises:
        UsageError: there is nothing at that path.
    """
    if not path.exists():
        raise UsageError(f"there is neither a folder nor a file `{path}`")
    is_file = path.is_file()
    source = FolderTree(path.parent if is_file else path)
    stem = path.resolve().parent.name if is_file else path.resolve().name
    name = environment_id(stem)[0] or "environment"
    tree = load_namespace(
        source,
        namespace=name,
        runner_platform=runner_platform(),
        memo=Memo(None),
        only=path.name if is_file else None,
    )
    return Subject(source=source, tree=tree)


def looks_like_path(text: str) -> bool:
    """Say whether an argument means a folder or file rather than a namespace."""
    return text.startswith((".", "/", "~")) or Path(text).exists()


def namespace_subjects(session: Session, what: tuple[str, ...]) -> list[Subject]:
    """Load namespaces of the store at the heads of their branches."""
    from gitstore.cli.session import select
    from gitstore.pipeline.run import check_selected, load_head
    from gitstore.pipeline.sources import RevisionTree

    store = session.store()
    subjects = []
    for entry, selected in select(store, what):
        with session.ports(store, entry) as ports:
            tree = load_head(ports)
            check_selected(tree, selected)
            ports.memo.save()
            source = RevisionTree(ports.repository, tree.revision or "")
            subjects.append(Subject(source=source, tree=tree, selected=selected))
    return subjects


def subjects_of(session: Session, what: tuple[str, ...]) -> list[Subject]:
    """Load what was named: paths, namespaces, or (nothing named) the store or this folder."""
    paths = [text for text in what if looks_like_path(text)]
    names = tuple(text for text in what if text not in paths)
    subjects = [folder_subject(Path(path)) for path in paths]
    if names or (not what and session.find_store() is not None):
        subjects += namespace_subjects(session, names)
    elif not what:
        subjects.append(folder_subject(Path()))
    return subjects
