"""Make a store and change its list of namespaces; every change is a commit of the store itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitstore.errors import UsageError
from gitstore.files import file_lock, write_file
from gitstore.git.repository import GitRepository, discover
from gitstore.model.channels import check_channel
from gitstore.model.environment import environment_id
from gitstore.model.platforms import PLATFORMS
from gitstore.model.problems import nearest
from gitstore.model.settings import DEFAULT_AUTHOR, NAMESPACE_FILE, STORE_FILE
from gitstore.resources import data_path

if TYPE_CHECKING:
    from gitstore.wiring import Store

_IGNORE = "/repositories/\n/artifacts/\n/cache/\n/work/\n/site/\n/gitstore.lock\n"


def create_store(root: Path, *, name: str, now: datetime) -> Path:
    """Make a store in ``root`` and return its absolute path.

    Raises:
        UsageError: there is one already, or the folder is not empty.
    """
    root = root.resolve()
    if (root / STORE_FILE).exists():
        raise UsageError("there is a store here already", where=str(root))
    if root.exists() and any(root.iterdir()):
        raise UsageError(
            "the folder is not empty", where=str(root), hint="name a new folder for the store"
        )
    template = (data_path("templates") / "store" / STORE_FILE).read_text(encoding="utf-8")
    settings = template.replace("name: store", f"name: {checked_name(_slug(name), 'store')}")
    write_file(root / STORE_FILE, settings.encode())
    write_file(root / ".gitignore", _IGNORE.encode())
    repository = GitRepository.create(root, bare=False)
    _commit(
        repository,
        {STORE_FILE: settings.encode(), ".gitignore": _IGNORE.encode()},
        f"init: make the store `{name}`",
        now,
    )
    return root


def create_namespace(
    store: Store,
    name: str,
    *,
    channels: Sequence[str],
    platforms: Sequence[str],
    now: datetime,
) -> Path:
    """Make a bare repository with a ``gitstore.yml`` and list it in the store; return its path."""
    name = checked_name(name, "namespace")
    for channel in channels:
        # It would go into git, where a secret stays for ever.
        for problem in check_channel(channel):
            raise UsageError(problem.message, hint=problem.hint, code=problem.code)
    for platform in platforms:
        if platform not in PLATFORMS:
            near = nearest(platform, PLATFORMS)
            hint = f"did you mean `{near}`?" if near else f"one of {', '.join(PLATFORMS)}"
            raise UsageError(f"`{platform}` is not a platform of conda", hint=hint)
    relative = f"repositories/{name}.git"
    path = store.root / relative
    if path.exists():
        raise UsageError(
            "there is a repository of that name already",
            where=str(path),
            hint=f"gitstore namespace add {name} {path}",
        )

    def change(namespaces: dict[str, Any]) -> None:
        namespaces[name] = {"path": relative}
        repository = GitRepository.create(path, bare=True)
        files = {NAMESPACE_FILE: namespace_settings(channels, platforms).encode()}
        _commit(repository, files, f"init: make the namespace `{name}`", now)

    _edit_namespaces(store, name, change, f"namespace: create {name}", now, is_new=True)
    return path


def namespace_settings(channels: Sequence[str], platforms: Sequence[str]) -> str:
    """Return the text of a new namespace's ``gitstore.yml``."""
    template = (data_path("templates") / "namespace" / NAMESPACE_FILE).read_text(encoding="utf-8")
    return template.replace("channels: [conda-forge]", f"channels: [{_listed(channels)}]").replace(
        "platforms: [linux-64]", f"platforms: [{_listed(platforms)}]"
    )


def add_namespace(store: Store, name: str, repository: Path, *, now: datetime) -> None:
    """List a repository that is there as a namespace.

    Raises:
        UsageError: there is no repository at that path.
    """
    name = checked_name(name, "namespace")
    path = repository.resolve()
    if discover(path) is None:
        raise UsageError(
            "there is no git repository there",
            where=str(path),
            hint="name the repository's own folder; clone it first when it lies elsewhere",
        )
    inside = path.is_relative_to(store.root)
    shown = path.relative_to(store.root).as_posix() if inside else str(path)

    def change(namespaces: dict[str, Any]) -> None:
        namespaces[name] = {"path": shown}

    _edit_namespaces(store, name, change, f"namespace: add {name}", now, is_new=True)


def remove_namespace(store: Store, name: str, *, now: datetime) -> Path:
    """Take a namespace out of the store's list; return where its repository stays."""
    path = store.root / store.entry(name).path

    def change(namespaces: dict[str, Any]) -> None:
        del namespaces[name]

    _edit_namespaces(store, name, change, f"namespace: remove {name}", now, is_new=False)
    return path


def checked_name(name: str, what: str) -> str:
    """Return a name that is safe in paths, keys and URLs.

    Raises:
        UsageError: it is not.
    """
    found, problems = environment_id(name)
    if found != name:
        near = _slug(name)
        raise UsageError(
            f"`{name}` cannot be the name of a {what}",
            hint=f"`{near}` can" if near else problems[0].hint,
        )
    return name


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")


def _listed(values: Sequence[str]) -> str:
    return ", ".join(f'"{value}"' if ":" in value else value for value in values)


def _edit_namespaces(
    store: Store,
    name: str,
    change: Callable[[dict[str, Any]], None],
    message: str,
    now: datetime,
    *,
    is_new: bool,
) -> None:
    """Edit ``store.yml`` where it stands, its comments kept, and commit it."""
    from ruamel.yaml import YAML  # noqa: PLC0415  only these commands edit

    with file_lock(store.root / "gitstore.lock", f"`{message}`", what="the store"):
        if is_new and store.settings.namespace(name) is not None:
            raise UsageError(f"there is a namespace `{name}` already", where=str(store.root))
        yaml = YAML()
        yaml.preserve_quotes = True
        file = store.root / STORE_FILE
        data: Any = yaml.load(file.read_text(encoding="utf-8"))
        if not data.get("namespaces"):
            data["namespaces"] = {}
        change(data["namespaces"])
        stream = StringIO()
        yaml.dump(data, stream)
        text = stream.getvalue().encode()
        repository = discover(store.root)
        if repository is None:
            write_file(file, text)
            return
        _commit(repository, {STORE_FILE: text}, message, now)
        write_file(file, text)


def _commit(
    repository: GitRepository, files: dict[str, bytes], message: str, now: datetime
) -> None:
    ref = repository.head_ref()
    head = repository.resolve(ref)
    made = repository.commit(
        dict(files), parent=head, message=f"{message}\n", author=DEFAULT_AUTHOR, when=now
    )
    if made is None:
        return
    repository.compare_and_swap(ref, made, head)
