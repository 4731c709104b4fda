"""An environment spec: what people want. Parsed from a CEP-24 ``environment.yml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitstore.model.advice import advise
from gitstore.model.channels import NODEFAULTS, check_channel
from gitstore.model.dependencies import Dependencies, Dependency, PypiDependency, read_dependencies
from gitstore.model.platforms import PLATFORMS
from gitstore.model.problems import Fix, Problem, errors_of, nearest
from gitstore.model.requirement import Include
from gitstore.model.schema import check_schema
from gitstore.model.yamltext import Document, KeyPath

KNOWN_KEYS = (
    "name",
    "channels",
    "dependencies",
    "platforms",
    "variables",
    "prefix",
    "category",
    "gitstore",
)
# The keys that can change a solution or the lockfile; their raw values make the input digest.
INPUT_KEYS = ("channels", "dependencies", "platforms", "variables", "category")
_CATEGORY = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiWishes:
    """What stands below ``pip:``. ``includes`` are files that are still to be read into it.

    ``indexes`` are those that the spec names itself; ``places`` say where an include stands.
    """

    dependencies: tuple[PypiDependency, ...] = ()
    constraints: tuple[PypiDependency, ...] = ()
    includes: tuple[Include, ...] = ()
    indexes: tuple[str, ...] = ()
    prereleases: bool = False
    places: Mapping[str, KeyPath] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.dependencies or self.includes)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSpec:
    """One spec. ``channels`` and ``dependencies`` keep their order, which conda gives a meaning.

    ``platforms`` is None where the spec leaves the choice to the namespace. ``raw`` holds the
    values of the keys that can change a solution, as they were written.
    """

    title: str | None
    channels: tuple[str, ...]
    nodefaults: bool
    dependencies: tuple[Dependency, ...]
    pypi: PypiWishes
    platforms: tuple[str, ...] | None
    variables: Mapping[str, str]
    description: str
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    virtual_packages: Mapping[str, Mapping[str, str | None]]
    tests: tuple[str, ...]
    artifacts: tuple[str, ...] | None
    category: str
    raw: Mapping[str, Any]


def parse_spec(document: Document) -> tuple[EnvironmentSpec | None, list[Problem]]:
    """Return the spec and every problem of it; no spec where a problem is an error."""
    value = document.value
    if not isinstance(value, dict):
        what = "the file is empty" if value is None else "the file holds no keys"
        hint = "begin with `dependencies:` and a list of packages"
        return None, [document.problem((), "not-a-mapping", what, hint)]
    problems = _check_keys(document, value)
    channels = _texts(document, ("channels",), problems)
    for index, channel in enumerate(channels):
        path = ("channels", index)
        problems += [
            document.problem(path, found.code, found.message, found.hint)
            for found in (check_channel(channel) if channel != NODEFAULTS else ())
        ]
    found = read_dependencies(document, value.get("dependencies"))
    problems += found.problems
    problems += advise(document, channels, found)
    platforms = _platforms(document, problems)
    variables = _variables(document, value.get("variables"), problems)
    extension = value.get("gitstore")
    if extension is not None:
        problems += check_schema(document, "environment", ("gitstore",))
    if errors_of(problems):
        return None, problems
    more: dict[str, Any] = extension or {}
    title = value.get("name")
    return (
        EnvironmentSpec(
            title=None if title is None else document.text(("name",), title),
            channels=tuple(channel for channel in channels if channel != NODEFAULTS),
            nodefaults=NODEFAULTS in channels,
            dependencies=tuple(found.conda),
            pypi=PypiWishes(
                dependencies=tuple(found.pypi),
                includes=tuple(found.includes),
                indexes=tuple(dict.fromkeys(found.indexes)),
                prereleases=found.prereleases,
                places=found.places,
            ),
            platforms=platforms,
            variables=variables,
            description=more.get("description", ""),
            owners=tuple(more.get("owners", ())),
            tags=tuple(more.get("tags", ())),
            virtual_packages=more.get("virtual-packages", {}),
            tests=tuple(more.get("tests", ())),
            artifacts=tuple(more["artifacts"]) if "artifacts" in more else None,
            category=str(value.get("category") or "main"),
            raw=_raw(document, value, more, found),
        ),
        problems,
    )


def _raw(
    document: Document, value: Mapping[str, Any], more: Mapping[str, Any], found: Dependencies
) -> dict[str, Any]:
    raw = {key: _as_written(document, (key,), value[key]) for key in INPUT_KEYS if key in value}
    if "virtual-packages" in more:
        raw["virtual-packages"] = more["virtual-packages"]
    if found.selectors:
        # They stand in comments, which the values do not show.
        raw["selectors"] = found.selectors
    return raw


def _check_keys(document: Document, value: dict[str, Any]) -> list[Problem]:
    problems = []
    for key in value:
        if key in KNOWN_KEYS or key == "<<":
            continue
        near = nearest(key, KNOWN_KEYS)
        if near and near not in value:
            hint = f"did you mean `{near}`?"
            said = f"`{key[:60]}` is not a key of a spec"
            line, _ = document.places[key,]
            fixes = (Fix(line=line, old=f"{key}:", new=f"{near}:"),)
            problems.append(document.problem((key,), "unknown-key", said, hint, fixes))
        else:
            problems.append(document.problem((key,), "key-ignored", f"nothing reads `{key[:60]}`"))
    if "dependencies" not in value and not any(
        p.hint.endswith("`dependencies`?") for p in problems
    ):
        hint = "add `dependencies:` and a list of packages"
        problems.append(document.problem((), "missing-key", "`dependencies` is missing", hint))
    if value.get("prefix") is not None:
        said = "`prefix` names a folder of one machine, and is ignored"
        line, _ = document.places[("prefix",)]
        fixes = (Fix(line=line, old="prefix", new=None),)
        at = ("prefix",)
        problems.append(document.problem(at, "prefix-ignored", said, "remove the line", fixes))
    if isinstance(value.get("name"), (dict, list)):
        problems.append(document.problem(("name",), "wrong-type", "`name` must be text"))
    category = value.get("category")
    if category is not None and not (isinstance(category, str) and _CATEGORY.fullmatch(category)):
        said, hint = "`category` must be one word", "such as `main` or `dev`"
        problems.append(document.problem(("category",), "wrong-type", said, hint))
    return problems


def _as_written(document: Document, path: KeyPath, value: Any) -> Any:
    """Return raw values with scalars as text: ``3.10`` and ``3.1`` differ."""
    if isinstance(value, dict):
        return {key: _as_written(document, (*path, key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_written(document, (*path, index), item) for index, item in enumerate(value)]
    return value if isinstance(value, str) else document.text(path, value)


def _texts(document: Document, path: KeyPath, problems: list[Problem]) -> list[str]:
    """Return a list of texts; numbers are taken as they were written, with a word of advice."""
    value = document.value.get(path[0])
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        problems.append(document.problem(path, "wrong-type", f"`{path[0]}` must be a list"))
        return []
    texts = []
    for index, item in enumerate(value):
        at = (*path, index)
        if isinstance(item, str):
            texts.append(item.strip())
        elif item is None or isinstance(item, (dict, list)):
            problems.append(
                document.problem(at, "wrong-type", f"an item of `{path[0]}` must be text")
            )
        else:
            text = document.text(at, item)
            problems.append(
                document.problem(
                    at, "number-as-text", f"`{text}` was taken as text", f'write "{text}"'
                )
            )
            texts.append(text)
    return texts


def _platforms(document: Document, problems: list[Problem]) -> tuple[str, ...] | None:
    if document.value.get("platforms") is None:
        return None
    platforms = _texts(document, ("platforms",), problems)
    for index, platform in enumerate(platforms):
        if platform not in PLATFORMS:
            near = nearest(platform, PLATFORMS)
            hint = f"did you mean `{near}`?" if near else f"one of {', '.join(PLATFORMS)}"
            said = f"`{platform[:60]}` is not a platform of conda"
            problems.append(document.problem(("platforms", index), "platform-unknown", said, hint))
    return tuple(dict.fromkeys(platforms)) or None


def _variables(document: Document, value: Any, problems: list[Problem]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        said, hint = "`variables` must be keys and values", "write `NAME: value`"
        problems.append(document.problem(("variables",), "wrong-type", said, hint))
        return {}
    variables = {}
    for name, item in value.items():
        path = ("variables", name)
        if not _VARIABLE.fullmatch(name):
            said = f"`{name[:60]}` cannot be the name of an environment variable"
            problems.append(
                document.problem(path, "invalid-value", said, "letters, digits and `_`")
            )
        elif isinstance(item, (dict, list)) or item is None:
            problems.append(
                document.problem(path, "wrong-type", f"the value of `{name}` must be text")
            )
        else:
            variables[name] = document.text(path, item)
    return variables
