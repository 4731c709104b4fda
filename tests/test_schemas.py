"""Schemas are the law: they are schemas, their examples obey them, and so does what we write."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from gitstore.model.platforms import PLATFORMS
from gitstore.resources import load_schema, schema_names
from tests.support.lab import Lab


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_so_are_its_examples(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"gitstore:v1/{name}"
    for example in schema.get("examples", ()):
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("name", ["namespace", "solve", "build", "failure", "environment"])
def test_schemas_know_the_platforms_that_the_code_knows(name: str) -> None:
    def lists(value: object) -> list[list[str]]:
        if isinstance(value, dict):
            own = [value["enum"]] if "linux-64" in value.get("enum", ()) else []
            return own + [found for item in value.values() for found in lists(item)]
        if isinstance(value, list):
            return [found for item in value for found in lists(item)]
        return []

    found = lists(load_schema(name))
    assert found
    assert all(tuple(one) == PLATFORMS for one in found)


def test_every_record_that_is_written_obeys_its_schema(lab: Lab) -> None:
    lab.ask("lens", more="platforms: [linux-64, osx-arm64]\n")
    lab.ask("oil", "water", name="clash")
    lab.ask("lens", name="failing", more="gitstore: {tests: ['false']}\n")
    lab.apply(code=1)
    records = lab.records()
    assert {record["kind"] for record in records.values()} == {
        "solve",
        "build",
        "failure",
        "package",
    }
    for path, record in records.items():
        validator = Draft202012Validator(load_schema(record["kind"]))
        assert [error.message for error in validator.iter_errors(record)] == [], path
