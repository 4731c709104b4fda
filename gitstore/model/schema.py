"""Judge parsed YAML by a JSON Schema, in words, with the place in the file."""

from __future__ import annotations

from functools import cache
from typing import Any

from gitstore.model.problems import Problem, nearest
from gitstore.model.yamltext import Document, KeyPath, key_text
from gitstore.resources import load_schema

_TYPE_WORDS = {
    "object": "keys and values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def check_schema(document: Document, schema: str, path: KeyPath = ()) -> list[Problem]:
    """Return every violation of schema ``gitstore:v1/<schema>`` by the value at ``path``."""
    value = document.value
    for part in path:
        value = value[part]
    problems = []
    for error in sorted(
        _validator(schema).iter_errors(value), key=lambda e: list(map(str, e.path))
    ):
        at = (*path, *error.absolute_path)
        problems += _problems_of(document, at, error)
    return problems


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  0.1 s that most runs never need

    return Draft202012Validator(load_schema(schema))


def _problems_of(document: Document, at: KeyPath, error: Any) -> list[Problem]:
    said = error.validator
    if said == "additionalProperties" and error.validator_value is False:
        known = sorted(error.schema.get("properties", {}))
        unknown = [key for key in error.instance if key not in known]
        return [_unknown_key(document, (*at, key), known) for key in unknown]
    if said == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [
            document.problem(at, "missing-key", f"`{key_text((*at, key))}` is missing")
            for key in missing
        ]
    where = f"`{key_text(at)}`" if at else "the file"
    if said == "type":
        return [
            document.problem(at, "wrong-type", f"{where} must be {_types(error.validator_value)}")
        ]
    if said == "const" and at and at[-1] == "format":
        return [_format_problem(document, at, error.instance)]
    return [document.problem(at, "invalid-value", f"{where} {_in_words(error)}", _allowed(error))]


def _unknown_key(document: Document, at: KeyPath, known: list[str]) -> Problem:
    near = nearest(str(at[-1]), known)
    hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
    return document.problem(
        at, "unknown-key", f"`{key_text(at)}` is not a key that gitstore knows", hint
    )


def _format_problem(document: Document, at: KeyPath, value: Any) -> Problem:
    return document.problem(
        at,
        "format-too-new",
        f"`format: {value}` is not a format that this gitstore reads; it reads `format: 1`",
        "upgrade gitstore, or write `format: 1`",
    )


def _types(value: str | list[str]) -> str:
    names = [value] if isinstance(value, str) else value
    return " or ".join(_TYPE_WORDS.get(name, name) for name in names)


def _in_words(error: Any) -> str:
    shown = repr(error.instance)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    words = {
        "enum": f"cannot be {shown}",
        "const": f"cannot be {shown}",
        "pattern": f"cannot be {shown}",
        "minItems": "must not be empty",
        "uniqueItems": "names something twice",
        "minLength": "must not be empty",
        "maxLength": "is too long",
        "oneOf": f"cannot be {shown}",
    }
    return words.get(error.validator, str(error.message))


def _allowed(error: Any) -> str:
    if error.validator == "enum":
        near = nearest(str(error.instance), map(str, error.validator_value))
        listed = ", ".join(f"`{value}`" for value in error.validator_value)
        return f"did you mean `{near}`?" if near else f"one of {listed}"
    if error.validator == "pattern":
        return str(error.schema.get("description") or f"it must match `{error.validator_value}`")
    if error.validator == "const":
        return f"it is always `{error.validator_value}`"
    return str(error.schema.get("description", ""))
