"""Write trees straight into the object database: only the folders that change are touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pygit2


def write_tree(repo: Any, base: Any | None, files: Mapping[str, bytes | None]) -> Any:
    """Return the id of ``base`` with ``files`` put in; None as content takes a file out.

    Folders that become empty go too, as git knows none.
    """
    return _write(repo, base, _nest(files))


def _nest(files: Mapping[str, bytes | None]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        at = nested
        for folder in folders:
            at = at.setdefault(folder, {})
        at[name] = content
    return nested


def _write(repo: Any, base: Any | None, nested: Mapping[str, Any]) -> Any:
    builder = repo.TreeBuilder(base) if base is not None else repo.TreeBuilder()
    for name, content in nested.items():
        existing = base[name] if base is not None and name in base else None
        if isinstance(content, dict):
            below = existing if isinstance(existing, pygit2.Tree) else None
            tree = _write(repo, below, content)
            if len(repo[tree]):
                builder.insert(name, tree, pygit2.enums.FileMode.TREE)
            elif below is not None:
                builder.remove(name)
        elif content is None:
            if existing is not None:
                builder.remove(name)
        else:
            builder.insert(name, repo.create_blob(content), pygit2.enums.FileMode.BLOB)
    return builder.write()


def changed_entries(
    before: Any | None, after: Any | None, prefix: str = ""
) -> Iterator[tuple[str, str | None]]:
    """Yield the paths of files that differ, with the id after, or None where it is gone.

    Folders with equal ids are never opened, which is what makes this quick.
    """
    old = {item.name: item for item in before} if before is not None else {}
    new = {item.name: item for item in after} if after is not None else {}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is not None and now is not None and was.id == now.id:
            continue
        was_tree = was if isinstance(was, pygit2.Tree) else None
        now_tree = now if isinstance(now, pygit2.Tree) else None
        if was_tree is not None or now_tree is not None:
            yield from changed_entries(was_tree, now_tree, f"{prefix}{name}/")
        if now is not None and now_tree is None:
            yield prefix + name, str(now.id)
        elif was is not None and was_tree is None and now_tree is None:
            yield prefix + name, None
