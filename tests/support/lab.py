"""A store to test with: real repositories, a real channel, the real command line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gitstore.cli.boundary import run
from gitstore.git.repository import GitRepository
from gitstore.model.lockfile import Lockfile
from gitstore.model.lockread import parse_lockfile
from gitstore.model.records import RECORDS_REF
from gitstore.stores import create_namespace, create_store
from gitstore.wiring import open_store

WHEN = datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)
AUTHOR = "Alia <alia@example.org>"


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(self.out)
        return envelope


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A store in ``root`` with the namespace ``team``."""

    root: Path
    channel: str

    @classmethod
    def make(cls, root: Path, *, channel: str, platforms: tuple[str, ...] = ("linux-64",)) -> Lab:
        create_store(root, name="lab", now=WHEN)
        lab = cls(root=root, channel=channel)
        lab.add_namespace("team", platforms=platforms)
        return lab

    def add_namespace(self, name: str, *, platforms: tuple[str, ...] = ("linux-64",)) -> None:
        create_namespace(
            open_store(self.root), name, channels=[self.channel], platforms=platforms, now=WHEN
        )

    def repository(self, name: str = "team") -> GitRepository:
        return GitRepository(self.root / "repositories" / f"{name}.git")

    def push(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        namespace: str = "team",
        message: str = "edit",
    ) -> str:
        """Commit files to the namespace's branch, as a push would; None takes one out."""
        repository = self.repository(namespace)
        ref = repository.head_ref()
        head = repository.resolve(ref)
        content = {
            path: data.encode() if isinstance(data, str) else data for path, data in files.items()
        }
        made = repository.commit(content, parent=head, message=message, author=AUTHOR, when=WHEN)
        assert made is not None
        repository.compare_and_swap(ref, made, head)
        return made

    def ask(self, *dependencies: str, name: str = "tiny", more: str = "") -> str:
        """Push a spec that asks for packages."""
        lines = "".join(f"  - {text}\n" for text in dependencies)
        return self.push({spec_path(name): f"dependencies:\n{lines}{more}"})

    def run(self, *arguments: str) -> Done:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(["--store", str(self.root), *arguments])
        return Done(code=code, out=out.getvalue(), err=err.getvalue())

    def apply(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Apply, and return the outcomes of all namespaces."""
        done = self.run("apply", "--json", *arguments)
        assert done.code == code, done.out + done.err
        return [outcome for report in done.json["result"] for outcome in report["outcomes"]]

    def plan(self, *arguments: str) -> list[dict[str, Any]]:
        """Plan, and return the items of all namespaces."""
        done = self.run("plan", "--json", *arguments)
        assert done.code == 0, done.out + done.err
        return [item for plan in done.json["result"] for item in plan["items"]]

    def head(self, namespace: str = "team") -> str:
        repository = self.repository(namespace)
        head = repository.resolve(repository.head_ref())
        assert head is not None
        return head

    def file(self, path: str, namespace: str = "team", ref: str | None = None) -> bytes | None:
        """Return a file of the branch, or of another ref."""
        repository = self.repository(namespace)
        head = repository.resolve(ref or repository.head_ref())
        entry = repository.entry(head, path) if head else None
        return repository.read(entry.oid) if entry else None

    def lock(self, name: str = "tiny", namespace: str = "team") -> Lockfile:
        data = self.file(lock_path(name), namespace)
        assert data is not None, f"{name} has no lockfile"
        return parse_lockfile(data, where=name)

    def packages(self, name: str = "tiny", platform: str = "linux-64") -> dict[str, str]:
        """Return the locked versions by name."""
        return {package.name: package.version for package in self.lock(name).on(platform)}

    def records(self, folder: str = "", namespace: str = "team") -> dict[str, dict[str, Any]]:
        """Return the records below a folder of the records branch, by path."""
        repository = self.repository(namespace)
        head = repository.resolve(RECORDS_REF)
        if head is None:
            return {}
        return {
            entry.path: json.loads(repository.read(entry.oid))
            for entry in repository.entries(head, folder)
        }

    def messages(self, ref: str | None = None, namespace: str = "team") -> list[str]:
        """Return the subjects of the branch's commits, newest first."""
        repository = self.repository(namespace)
        head = repository.resolve(ref or repository.head_ref())
        found = repository.first_parents(head) if head else iter(())
        return [repository.message(commit.oid).splitlines()[0] for commit in found]

    def blobs(self) -> list[Path]:
        """Return what lies in the directory target."""
        return sorted(path for path in (self.root / "artifacts").rglob("*") if path.is_file())


def spec_path(name: str) -> str:
    return f"environments/{name}/environment.yml"


def lock_path(name: str) -> str:
    return f"environments/{name}/conda-lock.yml"


def gitstore(*arguments: str, cwd: Path | None = None, timeout: float = 300) -> Done:
    """Run the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gitstore", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
