"""An environment spec: what people want. Parsed from a CEP-24 ``environment.yml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitstore.model.channels import NODEFAULTS, check_channel
from gitstore.model.platforms import PLATFORMS
from gitstore.model.problems import Problem, errors_of, nearest
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
INPUT_KEYS = ("channels", "dependencies", "platforms", "variables")
_SELECTOR = re.compile(r"sel\((\w+)\)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSpec:
    """One spec. ``channels`` and ``dependencies`` keep their order, which conda gives a meaning.

    ``platforms`` is None where the spec leaves the choice to the namespace. ``raw`` holds the
    values of the keys that can change a solution, as they were written.
    """

    title: str | None
    channels: tuple[str, ...]
    nodefaults: bool
    dependencies: tuple[str, ...]
    pypi_dependencies: tuple[str, ...]
    platforms: tuple[str, ...] | None
    variables: Mapping[str, str]
    description: str
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    virtual_packages: Mapping[str, Mapping[str, str | None]]
    tests: tuple[str, ...]
    artifacts: tuple[str, ...] | None
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
    conda, pypi = _dependencies(document, value.get("dependencies"), problems)
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
            dependencies=tuple(conda),
            pypi_dependencies=tuple(pypi),
            platforms=platforms,
            variables=variables,
            description=more.get("description", ""),
            owners=tuple(more.get("owners", ())),
            tags=tuple(more.get("tags", ())),
            virtual_packages=more.get("virtual-packages", {}),
            tests=tuple(more.get("tests", ())),
            artifacts=tuple(more["artifacts"]) if "artifacts" in more else None,
            raw={
                **{
                    key: _as_written(document, (key,), value[key])
                    for key in INPUT_KEYS
                    if key in value
                },
                **(
                    {"virtual-packages": more["virtual-packages"]}
                    if "virtual-packages" in more
                    else {}
                ),
            },
        ),
        problems,
    )


def _check_keys(document: Document, value: dict[str, Any]) -> list[Problem]:
    problems = []
    for key in value:
        if key in KNOWN_KEYS or key == "<<":
            continue
        near = nearest(key, KNOWN_KEYS)
        if near and near not in value:
            hint = f"did you mean `{near}`?"
            problems.append(
                document.problem(
                    (key,), "unknown-key", f"`{key[:60]}` is not a key of a spec", hint
                )
            )
        else:
            problems.append(document.problem((key,), "key-ignored", f"nothing reads `{key[:60]}`"))
    if "dependencies" not in value and not any(
        p.hint.endswith("`dependencies`?") for p in problems
    ):
        hint = "add `dependencies:` and a list of packages"
        problems.append(document.problem((), "missing-key", "`dependencies` is missing", hint))
    if value.get("prefix") is not None:
        said = "`prefix` names a folder of one machine, and is ignored"
        problems.append(document.problem(("prefix",), "prefix-ignored", said, "remove the line"))
    if isinstance(value.get("name"), (dict, list)):
        problems.append(document.problem(("name",), "wrong-type", "`name` must be text"))
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


def _dependencies(
    document: Document, value: Any, problems: list[Problem]
) -> tuple[list[str], list[str]]:
    conda: list[str] = []
    pypi: list[str] = []
    path: KeyPath = ("dependencies",)
    if value is None:
        if "dependencies" in document.value:
            problems.append(document.problem(path, "no-dependencies", "`dependencies` is empty"))
        return conda, pypi
    if not isinstance(value, list):
        hint = "write each package on a line of its own that begins with `- `"
        problems.append(document.problem(path, "wrong-type", "`dependencies` must be a list", hint))
        return conda, pypi
    if not value:
        problems.append(document.problem(path, "no-dependencies", "`dependencies` is empty"))
    for index, item in enumerate(value):
        at = (*path, index)
        if isinstance(item, str):
            conda.append(item.strip())
            problems += _check_matchspec(document, at, item.strip())
        elif isinstance(item, dict):
            pypi += _mapping_item(document, at, item, problems)
        else:
            written = document.text(at, item)
            said = f"`{written}` is not a package" if item is not None else "an empty item"
            problems.append(
                document.problem(at, "wrong-type", said, "write `name` or `name >=1.2`")
            )
    return conda, pypi


def _mapping_item(
    document: Document, at: KeyPath, item: dict[str, Any], problems: list[Problem]
) -> list[str]:
    pypi: list[str] = []
    for key, value in item.items():
        path = (*at, key)
        if key == "pip":
            said = "packages from PyPI (`pip:`) cannot be locked by this version of gitstore"
            hint = "take them from a conda channel where it has them"
            problems.append(document.problem(path, "pypi-unsupported", said, hint))
            pypi += [str(entry) for entry in value] if isinstance(value, list) else []
        elif _SELECTOR.fullmatch(key):
            said = f"`{key}` is a platform selector of conda-lock, which is not understood yet"
            hint = "make a spec for each platform, with `platforms:`"
            problems.append(document.problem(path, "spec-selector", said, hint))
        else:
            is_version = isinstance(value, (str, int, float))
            version = document.text(path, value) if is_version else ""
            said = (
                f"`{key}: {version}"[:80].rstrip(" :")
                + "` is a mapping where a package should stand"
            )
            hint = f"write `- {key}{f' ={version}' if version else ''}`, with no `:`"
            problems.append(document.problem(path, "wrong-type", said, hint))
    return pypi


def _check_matchspec(document: Document, at: KeyPath, text: str) -> list[Problem]:
    """Judge one dependency: rattler reads it leniently, and what it would misread is refused."""
    if text.startswith("-"):
        said = f"`{text[:80]}` is an option, not a package"
        return [document.problem(at, "spec-option", said, "remove the line")]
    reason = _matchspec_fault(text)
    if reason is None:
        return []
    fixed = re.sub(r"=\s*([<>])", r"\1=", text)
    hint = (
        f"did you mean `{fixed}`?" if fixed != text else "write `name`, `name >=1.2` or `name=1.2`"
    )
    return [
        document.problem(
            at, "spec-invalid-matchspec", f"`{text[:80]}` is not a MatchSpec: {reason}", hint
        )
    ]


def _matchspec_fault(text: str) -> str | None:
    from rattler import MatchSpec  # noqa: PLC0415  0.1 s, and a warm memo never comes here
    from rattler.exceptions import InvalidMatchSpecError  # noqa: PLC0415

    if not text:
        return "it is empty"
    if "\n" in text:
        return "it runs over several lines"
    if re.search(r"=\s*[<>]", text):
        return "an operator is written the wrong way round"
    try:
        name: object = MatchSpec(text, strict=False).name
    except (InvalidMatchSpecError, ValueError) as exc:
        return str(exc).splitlines()[0]
    return "it names no package" if name is None else None


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
