"""Packages out of lockfiles: ours quickly, others' as YAML, and the same from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitstore.errors import SpecError
from gitstore.git.repository import GitRepository
from gitstore.model.canonical import pretty_json
from gitstore.model.lockfile import (
    LockedPackage,
    Lockfile,
    LockMetadata,
    render_lockfile,
    sorted_packages,
)
from gitstore.model.records import RECORDS_REF, package_path
from gitstore.site.packages import LockContent, PackageReader

SHA = "ab" * 32
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


class Store:
    """A repository to put lockfiles and records into."""

    def __init__(self, path: Path) -> None:
        self.repository = GitRepository.create(path, bare=True)
        self.head: str | None = None

    def blob(self, data: bytes) -> str:
        made = self.repository.commit(
            {"file": data}, parent=None, message="m", author="a <a>", when=NOW
        )
        entry = self.repository.entry(made or "", "file")
        assert entry is not None
        return entry.oid

    def record(self, files: Mapping[str, bytes]) -> None:
        made = self.repository.commit(
            dict(files), parent=self.head, message="m", author="a <a>", when=NOW
        )
        assert made is not None
        self.repository.compare_and_swap(RECORDS_REF, made, self.head)
        self.head = made

    def read(self, data: bytes) -> LockContent:
        return PackageReader(self.repository).lock_content(self.blob(data), where="team/x")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.git")


@pytest.fixture(scope="module")
def lasting_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("lasting") / "store.git")


def make_lock(*packages: LockedPackage, **metadata: object) -> Lockfile:
    platforms = tuple(sorted({package.platform for package in packages}))
    return Lockfile(
        channels=("https://conda.example/c",),
        platforms=platforms,
        source="environment.yml",
        packages=sorted_packages(list(packages)),
        metadata=LockMetadata(**metadata),  # type: ignore[arg-type]
    )


def make_locked(name: str = "numpy", **more: object) -> LockedPackage:
    values: dict[str, object] = {
        "name": name,
        "version": "1.26.4",
        "platform": "linux-64",
        "url": f"https://conda.example/c/linux-64/{name}-1.26.4-py311_0.conda",
        "sha256": SHA,
        "md5": "cd" * 16,
        "depends": {"python": ">=3.11,<3.12.0a0", "libblas": ""},
        **more,
    }
    return LockedPackage(**values)  # type: ignore[arg-type]


def as_yaml_of_others(lock: Lockfile) -> bytes:
    """Write the same lockfile as another tool would: other order, other quotes."""
    return yaml.safe_dump(yaml.safe_load(render_lockfile(lock)), sort_keys=True).encode()


def facts(sha256: str = SHA, **more: object) -> dict[str, bytes]:
    return {package_path(sha256): pretty_json({"size": 7, "license": "MIT", **more})}


def test_packages_have_the_size_and_licence_of_their_record(store: Store) -> None:
    store.record(facts())
    (package,) = store.read(render_lockfile(make_lock(make_locked()))).platforms["linux-64"]
    assert (package.name, package.version, package.build) == ("numpy", "1.26.4", "py311_0")
    assert (package.size, package.license, package.manager) == (7, "MIT", "conda")


def test_both_ways_of_reading_give_the_same(store: Store) -> None:
    lock = make_lock(
        make_locked(),
        make_locked("python", version="3.11", depends={}),
        make_locked("xz", platform="osx-arm64", md5=""),
        make_locked("with-url-in-quotes", url="https://conda.example/c/noarch/a'b-1-0.conda"),
        dropped={"win-64": "no candidates for gdal"},
    )
    quick = store.read(render_lockfile(lock))
    assert quick == store.read(as_yaml_of_others(lock))
    assert {platform: len(found) for platform, found in quick.platforms.items()} == {
        "linux-64": 3,
        "osx-arm64": 1,
    }
    assert quick.dropped == {"win-64": "no candidates for gdal"}


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1
)


def read_or_refuse(store: Store, data: bytes) -> LockContent | str:
    try:
        return store.read(data)
    except SpecError as exc:
        return exc.message.partition(":")[0]


@settings(deadline=None)
@given(name=TEXTS, version=TEXTS, path=TEXTS)
def test_whatever_stands_in_a_lockfile_both_ways_agree(
    lasting_store: Store, name: str, version: str, path: str
) -> None:
    lock = make_lock(make_locked(name, version=version, url=f"https://host/{path}"), make_locked())
    quick = read_or_refuse(lasting_store, render_lockfile(lock))
    assert quick == read_or_refuse(lasting_store, as_yaml_of_others(lock))


@pytest.mark.parametrize("twice", [{}, {"category": "dev"}])
def test_a_package_that_stands_twice_is_seen_both_ways(store: Store, twice: dict[str, Any]) -> None:
    lock = make_lock(make_locked(), make_locked(**twice))
    quick = read_or_refuse(store, render_lockfile(lock))
    assert quick == read_or_refuse(store, as_yaml_of_others(lock))
    assert isinstance(quick, str) is (not twice)


def test_one_package_is_one_value_in_every_lockfile(store: Store) -> None:
    reader = PackageReader(store.repository)
    first = render_lockfile(make_lock(make_locked(), make_locked("xz")))
    second = render_lockfile(make_lock(make_locked()))
    one, two = (reader.lock_content(store.blob(data), where="x") for data in (first, second))
    assert one.platforms["linux-64"][0] is two.platforms["linux-64"][0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not json", id="not-json"),
        pytest.param(b"[]", id="not-a-record"),
        pytest.param(b'{"size": "big", "license": {"a": 1}}', id="wrong-types"),
        pytest.param(b"{}", id="empty"),
    ],
)
def test_a_damaged_package_record_leaves_blanks(store: Store, data: bytes) -> None:
    store.record({package_path(SHA): data})
    (package,) = store.read(render_lockfile(make_lock(make_locked()))).platforms["linux-64"]
    assert (package.size, package.license) == (None, None)


@pytest.mark.parametrize(
    "url",
    ["https://me:pass@host/c/x-1-0.conda", "https://host/t/tk-1234/c/x-1-0.conda"],
)
def test_a_lockfile_with_a_secret_is_marked(store: Store, url: str) -> None:
    lock = make_lock(make_locked(url=url), make_locked("xz"))
    assert store.read(render_lockfile(lock)).has_secret
    assert not store.read(render_lockfile(make_lock(make_locked("xz")))).has_secret
    in_channel = replace(make_lock(make_locked()), channels=("https://me:pass@host/c",))
    content = store.read(render_lockfile(in_channel))
    assert content.has_secret
    assert "pass" not in "".join(content.channels)


def test_a_platform_that_is_none_is_refused(store: Store) -> None:
    value = yaml.safe_load(render_lockfile(make_lock(make_locked(), make_locked("xz"))))
    value["metadata"]["platforms"].append("<script>alert(1)</script>")
    with pytest.raises(SpecError, match=r"`<script>alert\(1\)</script>` is no platform"):
        store.read(yaml.safe_dump(value).encode())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(b"version: 4\npackages: []\n", id="other-version"),
        pytest.param(b"- name: x\n", id="list"),
    ],
)
def test_what_is_no_lockfile_says_so(store: Store, data: bytes) -> None:
    with pytest.raises(SpecError) as caught:
        store.read(data)
    assert caught.value.where == "team/x"
