"""One page for each JSON Schema, and the page of platforms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docs.generator.words import Words, table
from gitstore.model.platforms import DEFAULT_VIRTUAL_PACKAGES_V1, PEOPLE_SAY, PLATFORMS
from gitstore.model.settings import NamespaceEntry, NamespaceSettings, StoreSettings
from gitstore.resources import load_schema

EXAMPLES = Path(__file__).with_name("examples")
# Files that people write; their keys have defaults. All other files gitstore writes whole.
SETTINGS = ("environment", "namespace", "store")
_DIGEST = "`sha256:` and 64 hexadecimal digits"
# What the patterns of schemas mean.
_PATTERNS = {
    "^sha256:[0-9a-f]{64}$": _DIGEST,
    "^[0-9a-f]{64}$": "64 hexadecimal digits",
    "^[0-9a-f]{40}([0-9a-f]{24})?$": "an object id of git",
    "^[a-z0-9][a-z0-9._-]*$": "a name of lower-case letters, digits, `.`, `_` and `-`",
    "^[0-9]+(s|m|h|d)$": "a duration such as `10m`",
    "^gitstore/[a-z-]+/v1$": "text such as `gitstore/plan/v1`",
    "^[^<>\\n]+ <[^<>\\s]+>$": "`Name <address>`",
    "^[^\\n]+$": "text on one line",
    "Z$": "a time such as `2026-11-22T10:00:00Z`",
    "^(?!/)(?!.*(^|/)\\.\\.(/|$)).+\\.ya?ml$": "a path that ends in `.yml` or `.yaml`",
}
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "object": "a mapping",
}


def platforms_page(words: Words) -> str:
    """Return the page of platforms and of what is assumed of them."""
    rows = []
    for platform in PLATFORMS:
        packages = sorted(DEFAULT_VIRTUAL_PACKAGES_V1[platform].items())
        assumed = ", ".join(f"`{name}: {version}`" for name, version in packages)
        rows.append([f"`{platform}`", PEOPLE_SAY.get(platform, ""), assumed])
    return "\n".join(
        [
            *("# Platforms", "", words.take("pages", "platforms"), ""),
            *table(["Platform", "People say", "Virtual packages"], rows),
        ]
    )


def file_page(name: str, words: Words) -> str:
    """Return the page of one kind of file."""
    schema = load_schema(name)
    title, _, about = str(schema["title"]).partition(": ")
    rows = [[f"`{row.path}`", *row.cells(name, words)] for row in rows_of(schema)]
    kind = "Default" if name in SETTINGS else "Always there"
    return "\n".join(
        [
            *(f"# `{title}`" if about else f"# {title}", "", words.take("files", name), ""),
            *("## Example", "", *_example(name, schema), "", "## Keys", ""),
            *table(["Key", "Type", kind, "Meaning"], rows),
            "",
            f"The JSON Schema is [`{name}.schema.json`](../../../schemas/{name}.schema.json).",
        ]
    )


def _example(name: str, schema: dict[str, Any]) -> list[str]:
    """Return the schema's own example, or else a file that gitstore wrote."""
    if name not in SETTINGS:
        text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
        return ["```json", *text.splitlines(), "```"]
    value, tag = schema["examples"][0], name
    if name == "environment":
        value, tag = {"dependencies": ["python", "numpy"], "gitstore": value}, "spec"
    return [f"```yaml {tag}", *yaml.safe_dump(value, sort_keys=False).splitlines(), "```"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One key of a schema: its path, and the path of a mapping with the very same keys."""

    path: str
    schema: dict[str, Any]
    is_required: bool
    same_as: str | None = None

    def cells(self, page: str, words: Words) -> list[str]:
        """Return type, default and meaning in words."""
        meaning = self.schema.get("description") or words.take("keys", page, self.path)
        below = self.schema.get("additionalProperties")
        if isinstance(below, dict) and "description" in below:
            meaning += f" {below['description']}"
        if self.same_as:
            meaning += f" Its keys are those of `{self.same_as}`."
        return [type_words(self.schema), self._default(page, words), meaning]

    def _default(self, page: str, words: Words) -> str:
        if page not in SETTINGS:
            return "yes" if self.is_required else "no"
        if self.is_required:
            return "required"
        known = _defaults().get((page, self.path))
        return words.take("defaults", page, self.path) if known is None else known


def _defaults() -> dict[tuple[str, str], str]:
    """Return the defaults that values of the code hold, by page and key."""
    namespace, store = NamespaceSettings(), StoreSettings(name="")
    entry = NamespaceEntry(name="", path="")
    found: dict[tuple[str, str], Any] = {
        ("namespace", "format"): "1",
        ("store", "format"): "1",
        ("namespace", "environments"): list(namespace.environments),
        ("namespace", "channels"): list(namespace.channels),
        ("namespace", "solve.channel-priority"): namespace.channel_priority,
        ("namespace", "artifacts"): list(namespace.artifacts),
        ("namespace", "commit.author"): namespace.author,
        ("namespace", "commit.message"): namespace.message,
        ("store", "namespaces.NAME.visibility"): entry.visibility,
        ("store", "targets"): {t.name: {"directory": t.path} for t in store.targets},
        ("store", "executor.timeouts.solve"): f"{store.solve_timeout / 60:.0f}m",
        ("store", "executor.timeouts.build"): f"{store.build_timeout / 60:.0f}m",
    }
    return {
        at: f"`{value if isinstance(value, str) else json.dumps(value)}`"
        for at, value in found.items()
    }


def rows_of(
    schema: dict[str, Any], path: str = "", seen: dict[str, str] | None = None
) -> Iterator[Row]:
    """Yield the keys of a schema; a mapping that was described before is named, not repeated."""
    seen = {} if seen is None else seen
    for key, value in schema.get("properties", {}).items():
        at = f"{path}.{key}" if path else key
        inner, inner_path = _inner(value, at)
        same_as = seen.get(json.dumps(inner)) if inner else None
        required = key in schema.get("required", ())
        yield Row(path=at, schema=value, is_required=required, same_as=same_as)
        if inner and same_as is None:
            seen[json.dumps(inner)] = inner_path
            yield from rows_of(inner, inner_path, seen)


def _inner(schema: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the mapping with named keys that a value holds, if any, and the path to it."""
    if "properties" in schema:
        return schema, path
    for choice in schema.get("oneOf", ()):
        if found := _inner(choice, path)[0]:
            return found, path
    if isinstance(schema.get("items"), dict):
        return _inner(schema["items"], f"{path}[]")
    below = schema.get("additionalProperties")
    if isinstance(below, dict):
        return _inner(below, f"{path}.{_key_word(schema).upper()}")
    return {}, path


def _key_word(schema: dict[str, Any]) -> str:
    names = schema.get("propertyNames", {})
    if names.get("enum") == list(PLATFORMS):
        return "platform"
    return "kind" if "enum" in names else "name"


def type_words(schema: dict[str, Any]) -> str:
    """Say in words what a value can be."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return _either([type_words({**schema, "type": one}) for one in kind])
    if "oneOf" in schema:
        return _either([type_words(choice) for choice in schema["oneOf"]])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _choice(schema["enum"])
    if kind == "array":
        return f"a list; each item {type_words(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"a mapping of {_key_word(schema)} to {type_words(schema['additionalProperties'])}"
    if kind == "string" and "pattern" in schema:
        return _PATTERNS.get(schema["pattern"], f"text that matches `{schema['pattern']}`")
    if kind == "integer" and "maximum" in schema:
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    return _TYPES.get(str(kind), "null" if kind == "null" else "anything")


def _choice(values: list[Any]) -> str:
    if values == list(PLATFORMS):
        return "a [platform](../platforms.md)"
    if len(values) > 3:
        return "one of " + ", ".join(f"`{value}`" for value in values)
    return _either(["null" if value is None else f"`{value}`" for value in values])


def _either(words: list[str]) -> str:
    """Join choices; null goes first, where nothing can be read into it."""
    return " or ".join(sorted(words, key=lambda word: word != "null"))
