"""Repositories: trees written without an index, refs moved only from where they stood."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitstore.errors import GitError, RefMovedError
from gitstore.git.repository import GitRepository
from tests.support.lab import AUTHOR, WHEN

REF = "refs/heads/main"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository.create(tmp_path / "x.git", bare=True)


def commit(
    repository: GitRepository, files: dict[str, bytes | None], parent: str | None
) -> str | None:
    return repository.commit(files, parent=parent, message="m\n", author=AUTHOR, when=WHEN)


def test_files_go_in_and_out_and_git_agrees(repository: GitRepository) -> None:
    first = commit(repository, {"a/b/c": b"1", "a/d": b"2", "e": b"3"}, None)
    assert first is not None
    second = commit(repository, {"a/b/c": None, "e": b"4", "f/g": b"5"}, first)
    assert second is not None
    assert [entry.path for entry in repository.entries(second)] == ["a/d", "e", "f/g"]
    assert repository.changed_files(second, first) == [
        ("a/b/c", None),
        ("e", repository.entry(second, "e").oid),  # type: ignore[union-attr]
        ("f/g", repository.entry(second, "f/g").oid),  # type: ignore[union-attr]
    ]
    fsck = subprocess.run(
        ["git", "fsck", "--strict"], cwd=repository.path, check=True, capture_output=True
    )
    assert b"error" not in fsck.stderr


def test_an_equal_tree_is_no_commit(repository: GitRepository) -> None:
    first = commit(repository, {"a": b"1"}, None)
    assert commit(repository, {"a": b"1"}, first) is None
    assert commit(repository, {"nothing": None}, first) is None


def test_a_ref_moves_only_from_where_it_stood(repository: GitRepository) -> None:
    first = commit(repository, {"a": b"1"}, None)
    assert first is not None
    second = commit(repository, {"a": b"2"}, first)
    assert second is not None
    repository.compare_and_swap(REF, first, None)
    with pytest.raises(RefMovedError):
        repository.compare_and_swap(REF, second, None)
    repository.compare_and_swap(REF, second, first)
    with pytest.raises(RefMovedError):
        repository.compare_and_swap(REF, first, first)
    assert repository.resolve(REF) == second


def test_of_many_writers_each_commit_lands_once(repository: GitRepository) -> None:
    base = commit(repository, {"base": b""}, None)
    assert base is not None
    repository.compare_and_swap(REF, base, None)

    def write(number: int) -> None:
        own = GitRepository(repository.path)
        while True:
            head = own.resolve(REF)
            made = commit(own, {f"file-{number}": b"x"}, head)
            assert made is not None
            try:
                own.compare_and_swap(REF, made, head)
            except RefMovedError:
                continue
            return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    head = repository.resolve(REF)
    assert head is not None
    assert len(list(repository.entries(head))) == 13
    assert len(list(repository.first_parents(head))) == 13


def test_what_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no git repository"):
        GitRepository(tmp_path)


def test_a_missing_object_is_an_error_of_ours(repository: GitRepository) -> None:
    with pytest.raises(GitError):
        repository.read("0" * 40)
    assert repository.resolve("refs/heads/none") is None


paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(
        st.dictionaries(paths, st.one_of(st.none(), st.binary(max_size=3)), min_size=1, max_size=5),
        max_size=4,
    )
)
def test_any_sequence_of_edits_gives_the_tree_that_a_dictionary_gives(
    edits: list[dict[str, bytes | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository = GitRepository.create(tmp_path_factory.mktemp("git") / "x.git", bare=True)
    expected: dict[str, bytes] = {}
    head = None
    for edit in edits:
        clean = {
            p: d for p, d in edit.items() if not any(o != p and o.startswith(f"{p}/") for o in edit)
        }
        clean = {
            p: d
            for p, d in clean.items()
            if not any(p != o and p.startswith(f"{o}/") for o in clean)
        }
        for path, data in clean.items():
            if data is None:
                expected.pop(path, None)
                expected = {p: d for p, d in expected.items() if not p.startswith(f"{path}/")}
            else:
                expected = {
                    p: d
                    for p, d in expected.items()
                    if not p.startswith(f"{path}/") and not path.startswith(f"{p}/")
                }
                expected[path] = data
        head = commit(repository, dict(clean), head) or head
    found = {e.path: repository.read(e.oid) for e in repository.entries(head)} if head else {}
    assert found == expected
