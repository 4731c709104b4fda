"""Specs: every file in tests/data/specs is a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitstore.model.problems import errors_of
from gitstore.model.spec import EnvironmentSpec, parse_spec
from gitstore.model.yamltext import YamlError, parse_yaml

SPECS = Path(__file__).resolve().parents[1] / "data" / "specs"


def problems_of(path: Path) -> str:
    try:
        _, problems = parse_spec(parse_yaml(path.read_bytes()))
    except YamlError as exc:
        problems = [exc.problem]
    return "".join(
        f"{p.line}:{p.column} {p.severity} [{p.code}] {p.message} | {p.hint}\n" for p in problems
    )


@pytest.mark.parametrize("path", sorted(SPECS.glob("invalid/*.yml")), ids=lambda p: p.stem)
def test_an_invalid_spec_says_where_what_and_what_instead(path: Path) -> None:
    assert problems_of(path) == path.with_suffix(".err").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(SPECS.glob("valid/*.yml")), ids=lambda p: p.stem)
def test_a_valid_spec_has_no_errors(path: Path) -> None:
    spec, problems = parse_spec(parse_yaml(path.read_bytes()))
    assert errors_of(problems) == []
    assert spec is not None


def parse(text: str) -> EnvironmentSpec:
    spec, problems = parse_spec(parse_yaml(text.encode()))
    assert spec is not None, problems
    return spec


def test_order_and_spelling_are_kept() -> None:
    spec = parse("channels: [b, a, nodefaults]\ndependencies: [z, 'a::y >=1', x=1.2=*_0]\n")
    assert spec.channels == ("b", "a")
    assert spec.nodefaults
    assert tuple(wish.text for wish in spec.dependencies) == ("z", "a::y >=1", "x=1.2=*_0")


def test_variables_are_text_as_it_was_written() -> None:
    spec = parse("dependencies: [a]\nvariables: {N: 010, V: 1.10, B: yes, S: 'x y'}\n")
    assert spec.variables == {"N": "010", "V": "1.10", "B": "yes", "S": "x y"}


def test_the_extension_is_read() -> None:
    spec = parse(
        "dependencies: [a]\n"
        "gitstore: {description: D, owners: [o], tags: [t], tests: [x], artifacts: [archive],\n"
        '  virtual-packages: {linux-64: {__cuda: "12.4", __archspec: null}}}\n'
    )
    assert (spec.description, spec.owners, spec.tags, spec.tests) == ("D", ("o",), ("t",), ("x",))
    assert spec.virtual_packages == {"linux-64": {"__cuda": "12.4", "__archspec": None}}
    assert spec.artifacts == ("archive",)
