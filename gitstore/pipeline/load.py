"""Load: a revision becomes its environments, each with its digests and every problem."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import cache, partial
from typing import Any

from gitstore.errors import SpecError
from gitstore.memo import Memo
from gitstore.model.canonical import digest, short
from gitstore.model.environment import LoadedEnvironment, SpecTree, TreeEntry
from gitstore.model.identity import (
    BUILDER_VERSION,
    INPUT_VERSION,
    EffectiveSpec,
    Recipe,
    effective_spec,
    input_digest,
    recipe_for,
)
from gitstore.model.problems import Problem, errors_of
from gitstore.model.settings import (
    NAMESPACE_FILE,
    NamespaceSettings,
    check_namespace_settings,
    namespace_settings,
)
from gitstore.model.spec import EnvironmentSpec, parse_spec
from gitstore.model.yamltext import MAX_BYTES, Document, YamlError, parse_yaml
from gitstore.pipeline.find import find_environments
from gitstore.pipeline.includes import with_includes
from gitstore.pipeline.ports import SourceTree

_MAX_LINKS = 8
# Part of the memo's keys: another loader derives other facts.
_LOADER_VERSION = 3


def load_namespace(
    source: SourceTree,
    *,
    namespace: str,
    runner_platform: str,
    memo: Memo,
    only: str | None = None,
) -> SpecTree:
    """Read the settings and every environment of a revision.

    Problems are values: one run reports all of all files. What is derived from a spec's blob is
    taken from the memo where the same settings met the same blob before. ``only`` is the path of
    one spec that is looked at alone, wherever it lies.
    """
    settings, problems = load_settings(source, memo)
    if only is not None:
        settings = replace(settings, environments=(only,))
    context = short(digest([_settings_facts(settings), runner_platform, _LOADER_VERSION]))
    found, stray = find_environments(source, settings, namespace, memo)

    def with_facts(candidate: LoadedEnvironment) -> LoadedEnvironment:
        spec = candidate.spec
        if spec is None or (candidate.problems and errors_of(candidate.problems)):
            return candidate
        section, key = f"spec-{context}", f"{spec.oid}:{spec.path}"
        make = partial(_facts_of_spec, source, spec, settings, runner_platform)
        facts = memo.derive(section, key, make)
        if facts.get("includes"):
            # Other files count too, wherever in the tree they lie: its id stands for them all.
            tree = source.folder_id("")
            facts = memo.derive(section, f"{key}:{tree}", make) if tree else make()
        return _with_facts(candidate, facts)

    environments = [with_facts(candidate) for candidate in found]
    if not environments and not errors_of(problems):
        problems.append(_nothing_found(source, settings))
    return SpecTree(
        namespace=namespace,
        revision=source.revision,
        settings=settings,
        environments=tuple(environments),
        problems=tuple(problems + stray),
    )


def load_settings(source: SourceTree, memo: Memo) -> tuple[NamespaceSettings, list[Problem]]:
    """Read ``gitstore.yml``; a namespace without one, or with a wrong one, has the defaults."""
    entry = source.entry(NAMESPACE_FILE)
    if entry is None:
        return NamespaceSettings(), []
    document, problem = _read_yaml(source, entry)
    if document is None:
        return NamespaceSettings(), [problem] if problem else []
    found = memo.derive(
        "settings",
        entry.oid,
        lambda: [problem.to_dict() for problem in check_namespace_settings(document)],
    )
    problems = [Problem.from_dict(data).at_file(NAMESPACE_FILE) for data in found]
    if errors_of(problems):
        return NamespaceSettings(), problems
    return namespace_settings(document), problems


def load_spec(
    source: SourceTree, environment: LoadedEnvironment, settings: NamespaceSettings, runner: str
) -> tuple[EnvironmentSpec, EffectiveSpec]:
    """Read one spec again, whole: a plan keeps only digests of it.

    Raises:
        SpecError: it has errors.
    """
    if environment.spec is None:
        raise SpecError("there is no spec", where=environment.lock_path)
    spec, problems = _parse(source, environment.spec)
    if spec is None:
        raise SpecError("the spec has errors", problems=problems, where=environment.spec.path)
    return spec, effective_spec(spec, settings, runner)


def _settings_facts(settings: NamespaceSettings) -> dict[str, Any]:
    return {
        "channels": settings.channels,
        "platforms": settings.platforms,
        "virtual": {k: dict(v) for k, v in settings.virtual_packages.items()},
        "priority": settings.channel_priority,
        "exclude-newer": settings.exclude_newer,
        "solver": settings.solver,
        "pypi": [settings.pypi.index, settings.pypi.extra_indexes, settings.pypi.sdists],
        "artifacts": settings.artifacts,
        "versions": [INPUT_VERSION, BUILDER_VERSION],
    }


def _facts_of_spec(
    source: SourceTree, entry: TreeEntry, settings: NamespaceSettings, runner: str
) -> dict[str, Any]:
    spec, problems = _parse(source, entry)
    facts: dict[str, Any] = {"problems": [problem.to_dict() for problem in problems]}
    if spec is None:
        # An include that is missing now may be there tomorrow.
        has_includes = any(problem.code.startswith("pypi-") for problem in problems)
        return {**facts, "includes": has_includes}
    facts["includes"] = "files" in spec.raw
    effective = effective_spec(spec, settings, runner)
    recipe = recipe_for(spec, settings)
    return {
        **facts,
        "input": input_digest(spec, effective),
        "platforms": effective.platforms,
        "kinds": recipe.kinds,
        "tests": recipe.tests,
    }


def _with_facts(environment: LoadedEnvironment, facts: dict[str, Any]) -> LoadedEnvironment:
    problems = tuple(Problem.from_dict(data) for data in facts["problems"])
    known = "input" in facts
    return LoadedEnvironment(
        name=environment.name,
        spec=environment.spec,
        lock_path=environment.lock_path,
        lock=environment.lock,
        problems=(*environment.problems, *problems),
        input=facts["input"] if known else None,
        platforms=tuple(facts["platforms"]) if known else (),
        recipe=_recipe(tuple(facts["kinds"]), tuple(facts["tests"])) if known else None,
    )


@cache
def _recipe(kinds: tuple[str, ...], tests: tuple[str, ...]) -> Recipe:
    # One object for the thousands of environments that share it.
    return Recipe(kinds=kinds, tests=tests)


def _parse(source: SourceTree, entry: TreeEntry) -> tuple[EnvironmentSpec | None, list[Problem]]:
    document, problem = _read_yaml(source, entry)
    if document is None:
        return None, [problem] if problem else []
    spec, problems = parse_spec(document)
    found = [problem.at_file(entry.path) for problem in problems]
    if spec is None:
        return None, found
    spec, more = with_includes(source, spec, entry.path, _follow_links)
    more = [_at_include(problem, document, entry.path) for problem in more]
    return (None if errors_of(more) else spec), [*found, *more]


def _at_include(problem: Problem, document: Document, path: str) -> Problem:
    """Give a finding about a file that the spec names the place where it names it."""
    if problem.file != path or problem.code != "pypi-include":
        return problem
    for at, line in enumerate(document.lines, start=1):
        name = problem.message.split("`")[1]
        if name in line:
            return replace(problem, line=at, column=line.index(name) + 1)
    return problem


def _read_yaml(source: SourceTree, entry: TreeEntry) -> tuple[Document | None, Problem | None]:
    target, problem = _follow_links(source, entry)
    if target is None:
        return None, problem
    size = source.size(target)
    if size > MAX_BYTES:
        said = f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read"
        return None, Problem(code="file-too-large", message=said, file=entry.path)
    try:
        return parse_yaml(source.read(target)), None
    except YamlError as exc:
        return None, exc.problem.at_file(entry.path)


def _follow_links(source: SourceTree, entry: TreeEntry) -> tuple[TreeEntry | None, Problem | None]:
    """Follow symbolic links, as paths inside the tree and never through the file system."""
    at: TreeEntry | None = entry
    for _ in range(_MAX_LINKS):
        if at is None or at.kind == "file":
            break
        if at.kind != "link":
            return None, _not_a_file(entry, "is not a file")
        target = source.read(at)[:4096].decode("utf-8", "replace")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(at.path), target))
        if posixpath.isabs(path) or path.startswith(".."):
            return None, _not_a_file(entry, "is a link that leaves the tree")
        at = source.entry(path)
    if at is None or at.kind != "file":
        return None, _not_a_file(entry, "is a link that leads nowhere")
    return at, None


def _not_a_file(entry: TreeEntry, said: str) -> Problem:
    return Problem(
        code="not-a-file",
        message=f"`{entry.path}` {said}",
        hint="put a plain file there",
        file=entry.path,
    )


def _nothing_found(source: SourceTree, settings: NamespaceSettings) -> Problem:
    """Say that nothing matched, and where specs seem to lie instead."""
    looked = " and ".join(f"`{pattern}`" for pattern in settings.environments)
    elsewhere = [
        entry.path
        for entry in source.entries("")
        if posixpath.basename(entry.path) in ("environment.yml", "environment.yaml")
    ]
    hint = "add `environments/NAME/environment.yml`"
    if elsewhere:
        folder = posixpath.commonpath([posixpath.dirname(path) or "." for path in elsewhere])
        prefix = f"{folder}/" if folder not in ("", ".") else ""
        hint = (
            f"there are {len(elsewhere):,} specs elsewhere, such as `{elsewhere[0]}`: set "
            f'`environments: ["{prefix}{{name}}/environment.yml"]` in {NAMESPACE_FILE}'
        )
    return Problem(
        code="no-environments",
        message=f"no spec was found at {looked}",
        hint=hint,
        file=NAMESPACE_FILE,
    )
