"""YAML as strangers write it: one clear finding, in bounded time and memory."""

from __future__ import annotations

import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitstore.model.yamltext import MAX_BYTES, YamlError, key_text, parse_yaml

BOMB = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        pytest.param(BOMB, "yaml-too-many", 5, id="bomb"),
        pytest.param(b"a: &a [*a]", "yaml-alias", 1, id="loop"),
        pytest.param(b"a: &a {b: {c: *a}}", "yaml-alias", 1, id="deep loop"),
        pytest.param(b"a: *nothing", "yaml-alias", 1, id="alias to nothing"),
        pytest.param(b"[" * 900_000, "yaml-too-deep", 1, id="brackets"),
        pytest.param(b"a: " * 300_000, "yaml-syntax", 1, id="colons"),
        pytest.param(b"- " * 400_000, "yaml-too-deep", 1, id="dashes"),
        pytest.param(b"x" * (MAX_BYTES + 1), "file-too-large", 0, id="too large"),
        pytest.param(b"a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3, id="duplicate key"),
        pytest.param(b"a: 1\nb: \xff\n", "not-utf8", 2, id="not utf-8"),
        pytest.param("a: 1".encode("utf-16"), "not-utf8", 1, id="utf-16"),
        pytest.param(b"a: !!python/object/apply:os.system [x]", "yaml-tag", 1, id="python tag"),
        pytest.param(b"a: !mine x", "yaml-tag", 1, id="own tag"),
        pytest.param(b"a: 1\n---\nb: 2\n", "yaml-documents", 2, id="two documents"),
        pytest.param(b"a:\n\t- b\n", "yaml-syntax", 2, id="tab"),
        pytest.param(b"a: {{ name }}\n", "yaml-syntax", 1, id="template that parses"),
        pytest.param(b"{% set x = 1 %}\na: {{ x }}\n", "yaml-template", 1, id="template"),
        pytest.param(b"a\x00b", "yaml-syntax", 1, id="nul"),
        pytest.param(b"? [a]\n: b\n", "yaml-syntax", 1, id="list as key"),
        pytest.param(b"a: !!int x", "yaml-tag", 1, id="no integer"),
    ],
)
def test_what_cannot_be_read_is_one_problem_at_a_place(data: bytes, code: str, line: int) -> None:
    started = time.monotonic()
    with pytest.raises(YamlError) as caught:
        parse_yaml(data)
    assert (caught.value.problem.code, caught.value.problem.line) == (code, line)
    assert time.monotonic() - started < 5


def test_every_value_has_its_place() -> None:
    document = parse_yaml(b"name: x\nchannels:\n  - a\n  - b\nmore:\n  key: 1.10\n")
    assert document.places["name",] == (1, 1)
    assert document.places["channels", 1] == (4, 5)
    assert document.places["more", "key"] == (6, 3)
    assert document.text(("more", "key"), 1.1) == "1.10"


def test_aliases_and_merge_keys_are_plain_data() -> None:
    document = parse_yaml(b"a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n")
    assert document.value == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}


def test_key_paths_read_as_people_write_them() -> None:
    assert key_text(("dependencies", 3, "pip", 0)) == "dependencies[3].pip[0]"


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(values)
def test_what_another_library_writes_is_read_as_it_was(value: object) -> None:
    written = yaml.safe_dump(value, allow_unicode=True)
    assert parse_yaml(written.encode()).value == yaml.safe_load(written)


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_value_or_a_problem(data: bytes) -> None:
    with contextlib.suppress(YamlError):
        parse_yaml(data)
