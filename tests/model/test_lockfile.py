"""The lockfile: exact round trip, fixed bytes, and the reference reader agrees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitstore.errors import SpecError
from gitstore.model.lockdiff import diff_lockfiles, diff_words, summary_words
from gitstore.model.lockfile import (
    LockedPackage,
    Lockfile,
    LockMetadata,
    constraints_of,
    render_lockfile,
    sorted_packages,
)
from gitstore.model.lockread import parse_lockfile

text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")),
    min_size=1,
    max_size=20,
)
names = st.from_regex(r"[a-z_][a-z0-9._-]{0,15}", fullmatch=True)
hexes = st.integers(0, 2**64).map(lambda n: f"{n:064x}")


@st.composite
def packages(draw: st.DrawFn) -> LockedPackage:
    name = draw(names)
    version = draw(st.from_regex(r"[0-9][0-9a-z._!+]{0,8}", fullmatch=True))
    sha256 = draw(hexes)
    return LockedPackage(
        name=name,
        version=version,
        platform=draw(st.sampled_from(["linux-64", "osx-arm64", "win-64"])),
        url=f"https://host.example/c/noarch/{name}-{version}-{draw(names)}.conda",
        sha256=sha256,
        md5=sha256[:32],
        depends=draw(st.dictionaries(names, st.one_of(st.just(""), text), max_size=4)),
    )


@st.composite
def lockfiles(draw: st.DrawFn) -> Lockfile:
    found = {(p.name, p.platform): p for p in draw(st.lists(packages(), max_size=6))}
    platforms = ("linux-64", "osx-arm64", "win-64")
    return Lockfile(
        channels=tuple(draw(st.lists(text, max_size=3))),
        platforms=platforms,
        source="environment.yml",
        packages=sorted_packages(list(found.values())),
        metadata=LockMetadata(
            input="sha256:" + draw(hexes),
            variables=draw(st.dictionaries(names, text, max_size=3)),
            virtual_packages={"linux-64": draw(st.dictionaries(names, text, max_size=3))},
            dropped=draw(st.dictionaries(st.sampled_from(platforms), text, max_size=2)),
        ),
    )


@settings(max_examples=300, deadline=None)
@given(lockfiles())
def test_what_is_written_is_read_back_exactly(lock: Lockfile) -> None:
    data = render_lockfile(lock)
    assert parse_lockfile(data, where="x") == lock
    assert render_lockfile(parse_lockfile(data, where="x")) == data


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_survives_every_yaml_reader(value: str) -> None:
    lock = Lockfile(
        channels=(value,), platforms=(), source="x", packages=(), metadata=LockMetadata()
    )
    data = render_lockfile(lock)
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load(data, Loader=loader)["metadata"]["channels"][0]["url"] == value


@pytest.mark.parametrize(
    "word",
    ["y", "No", "on", "null", "~", "1e3", "0x1", "1_0", ".inf", "1:30", "=", "a: b", "#"],
)
def test_words_that_yaml_would_misread_are_quoted(word: str) -> None:
    lock = Lockfile(channels=(word,), platforms=(), source="x", packages=())
    assert parse_lockfile(render_lockfile(lock), where="x").channels == (word,)


def test_the_reference_reader_and_its_schema_accept_it(tmp_path: Path) -> None:
    """conda-lock itself, in a process of its own: its import takes seconds."""
    found = [
        package(
            "python",
            "3.11.7",
            "linux-64",
            depends={"__glibc": ">=2.17", "python_abi": "3.11.* *_cp311"},
        ),
        package("numpy", "2.0.0", "linux-64", depends={"python": ""}),
        package("numpy", "2.0.0", "win-64"),
    ]
    lock = Lockfile(
        channels=("conda-forge", "https://host.example/c"),
        platforms=("linux-64", "win-64"),
        source="environment.yml",
        packages=sorted_packages(found),
        metadata=LockMetadata(input="sha256:00", dropped={"osx-64": "no candidates for gdal"}),
    )
    file = tmp_path / "conda-lock.yml"
    file.write_bytes(render_lockfile(lock))
    script = (
        "import json, pathlib, sys, jsonschema, yaml, conda_lock.lockfile as m\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "lock = m.parse_conda_lock_file(path)\n"
        "schema = next(pathlib.Path(m.__file__).parent.rglob('conda-lock-v1.schema.json'))\n"
        "jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(schema.read_text()))\n"
        "print(json.dumps([[p.name, p.version, p.platform, p.hash.sha256] for p in lock.package]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read = [(n, v, p, h) for n, v, p, h in json.loads(done.stdout)]
    assert sorted(read) == sorted((p.name, p.version, p.platform, p.sha256) for p in found)


def package(
    name: str,
    version: str,
    platform: str,
    *,
    build: str = "0",
    depends: dict[str, str] | None = None,
) -> LockedPackage:
    file = f"{name}-{version}-{build}.conda"
    return LockedPackage(
        name=name,
        version=version,
        platform=platform,
        url=f"https://host.example/c/{platform}/{file}",
        sha256=f"{abs(hash((file, platform))):064x}",
        md5="0" * 32,
        depends=depends or {},
    )


def lock_of(*found: LockedPackage) -> Lockfile:
    platforms = tuple(sorted({one.platform for one in found}))
    return Lockfile(
        channels=("c",), platforms=platforms, source="e", packages=sorted_packages(list(found))
    )


HEAD = (
    "version: 1\nmetadata:\n  content_hash: {}\n  channels: []\n  platforms: [linux-64]\n"
    "  sources: [environment.yml]\npackage:\n"
)
ENTRY = (
    "- name: a\n  version: 1.10\n  manager: conda\n  platform: linux-64\n"
    "  url: https://host.example/c/noarch/a-1.10-0.conda\n  hash: {sha256: '" + "0" * 64 + "'}\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file must be a mapping"),
        ("[]", "the file must be a mapping"),
        ("true", "the file must be a mapping"),
        ("version: 2", "`version` is `2`, and format 1 is read"),
        ("a: [", "line 2: did not find"),
        ("version: 1\nmetadata: {}\n", "`platforms` is missing"),
        ("a: \x01", "line 1: a character that YAML forbids"),
        ("[" * 100_000, "nested deeper than 12 levels"),
        ("{a: " * 100_000, "nested deeper than 12 levels"),
        ("a: &a [x]\nb: *a", "line 2: an alias has no place in a lockfile"),
        ("version: 1\nversion: 1", "line 2: `version` stands twice"),
        (HEAD + ENTRY * 2, "package 2 (`a`) stands twice for linux-64"),
        (HEAD + ENTRY + ENTRY.replace("'000", "'100") + "  category: dev\n", "stands twice"),
        (HEAD + ENTRY.replace("64\n", "32\n"), "package 1 (`a`): `linux-32` is not among"),
        (HEAD + ENTRY.replace("name: a", "name: ../a"), "package 1: `name` cannot be `../a`"),
        (HEAD + ENTRY.replace("name: a", "name: [a]"), "package 1: `name` must be text"),
        (HEAD + ENTRY.replace("'000", "'XYZ"), "package 1 (`a`): `hash.sha256` cannot be `XYZ"),
        (HEAD + ENTRY.replace("{sha256: '" + "0" * 64 + "'}", "{}"), "(`a`) has no hash"),
        (HEAD + ENTRY.replace("https://", "//"), "package 1 (`a`): `url` cannot be"),
        (HEAD + ENTRY.replace("manager: conda", "manager: cargo"), "the manager `cargo`"),
        (HEAD + "- x\n", "package 1 must be a mapping"),
        (HEAD.replace("[environment.yml]", "[[x]]") + ENTRY, "`metadata.sources` must hold"),
        (
            HEAD.replace("package:", "  custom_metadata: {gitstore.variables: '{'}\npackage:")
            + ENTRY,
            "`gitstore.variables` is not JSON",
        ),
    ],
)
def test_what_is_no_lockfile_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_lockfile(text.encode(), where="x")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.code == "lock-invalid"


def test_bytes_that_are_not_utf8_are_said() -> None:
    with pytest.raises(SpecError, match="line 2: the byte 0xff is not UTF-8"):
        parse_lockfile(b"version: 1\n\xff", where="x")


def test_what_another_tool_wrote_is_taken_as_it_stands() -> None:
    """A version that YAML would read as a number, and a package under two categories."""
    lock = parse_lockfile((HEAD + ENTRY + ENTRY + "  category: dev\n").encode(), where="x")
    assert [(p.version, p.category) for p in lock.packages] == [("1.10", "main"), ("1.10", "dev")]


def test_a_name_twice_in_depends_keeps_both_constraints() -> None:
    assert constraints_of(("python >=3.9", "python <3.13", "numpy", "numpy >=1 *_0", "a")) == {
        "python": ">=3.9,<3.13",
        "numpy": ">=1 *_0",
        "a": "",
    }


def test_the_diff_in_words_puts_direct_changes_first_and_equal_platforms_together() -> None:
    before = lock_of(
        package("a", "1", "linux-64"),
        package("b", "1", "linux-64"),
        package("a", "1", "win-64"),
        package("b", "1", "win-64"),
    )
    after = lock_of(
        package("b", "2", "linux-64"),
        package("z", "1", "linux-64"),
        package("b", "2", "win-64"),
        package("z", "1", "win-64"),
    )
    diff = diff_lockfiles(before, after, frozenset({"z"}))
    assert diff_words(diff) == ["linux-64, win-64:", "  + z 1", "  - a 1", "  ~ b 1 -> 2"]
    assert summary_words(diff) == "1 added, 1 removed, 1 changed"


def test_another_build_of_one_version_is_said() -> None:
    before = lock_of(package("a", "1", "linux-64", build="0"))
    after = lock_of(package("a", "1", "linux-64", build="1"))
    assert diff_words(diff_lockfiles(before, after, frozenset()))[1] == "  ~ a 1 (build 0 -> 1)"
