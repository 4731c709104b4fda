"""The three digests that decide whether work is needed: input, content and recipe.

None is taken over a model class: raw values and a version of the rules go in, so that a release
of gitstore that models things differently relocks and rebuilds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from gitstore.model.canonical import digest
from gitstore.model.platforms import virtual_packages_for
from gitstore.model.pypisettings import PypiSettings
from gitstore.model.selectors import applies

if TYPE_CHECKING:
    # They load YAML, which no worker needs.
    from gitstore.model.settings import NamespaceSettings
    from gitstore.model.spec import EnvironmentSpec

INPUT_VERSION = 1
BUILDER_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectivePypi:
    """The PyPI half of what a solve is asked: requirements (PEP 508) for each platform.

    ``hashes`` are those that a requirement itself demands, by normalised name. ``indexes`` stand
    in the spec; ``settings`` are the namespace's.
    """

    requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()
    from_source: tuple[str, ...] = ()
    prereleases: bool = False
    settings: PypiSettings = field(default_factory=PypiSettings)

    def __bool__(self) -> bool:
        return any(self.requirements.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveSpec:
    """What a solve is asked: the spec with the namespace's settings applied.

    ``dependencies`` are those that count on each platform.
    """

    channels: tuple[str, ...]
    platforms: tuple[str, ...]
    platforms_asked: bool
    virtual_packages: Mapping[str, Mapping[str, str]]
    channel_priority: str
    dependencies: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]
    category: str = "main"
    exclude_newer: str | None = None
    solver: str = "rattler"
    pypi: EffectivePypi = field(default_factory=EffectivePypi)


def effective_spec(
    spec: EnvironmentSpec, settings: NamespaceSettings, runner_platform: str
) -> EffectiveSpec:
    """Apply the namespace's settings to a spec.

    The namespace's channels are appended unless the spec says ``nodefaults`` (CEP-24). Platforms
    are the spec's, else the namespace's, else the runner's; only the first are asked for by name.
    """
    inherited = () if spec.nodefaults else settings.channels
    channels = tuple(dict.fromkeys((*spec.channels, *inherited))) or settings.channels
    platforms = spec.platforms or settings.platforms or (runner_platform,)
    return EffectiveSpec(
        channels=channels,
        platforms=tuple(sorted(platforms)),
        platforms_asked=spec.platforms is not None,
        virtual_packages={
            platform: virtual_packages_for(
                platform,
                _plain(settings.virtual_packages),
                _plain(spec.virtual_packages),
            )
            for platform in platforms
        },
        channel_priority=settings.channel_priority,
        dependencies={
            platform: tuple(
                wish.text for wish in spec.dependencies if applies(wish.selector, platform)
            )
            for platform in platforms
        },
        variables=spec.variables,
        category=spec.category,
        exclude_newer=settings.exclude_newer,
        solver=settings.solver,
        pypi=_effective_pypi(spec, settings, platforms),
    )


def _effective_pypi(
    spec: EnvironmentSpec, settings: NamespaceSettings, platforms: Iterable[str]
) -> EffectivePypi:
    wishes = spec.pypi.dependencies
    return EffectivePypi(
        requirements={
            platform: tuple(
                wish.requirement.text for wish in wishes if applies(wish.selector, platform)
            )
            for platform in platforms
        },
        constraints=tuple(wish.requirement.text for wish in spec.pypi.constraints),
        hashes={
            wish.requirement.name: wish.requirement.hashes
            for wish in wishes
            if wish.requirement.name and wish.requirement.hashes
        },
        indexes=spec.pypi.indexes,
        from_source=tuple(w.requirement.text for w in wishes if w.requirement.kind == "vcs"),
        prereleases=spec.pypi.prereleases,
        settings=settings.pypi,
    )


def _plain(value: Mapping[str, Mapping[str, str | None]]) -> dict[str, dict[str, str | None]]:
    return {platform: dict(packages) for platform, packages in value.items()}


def input_digest(spec: EnvironmentSpec, effective: EffectiveSpec) -> str:
    """Digest everything that can change a solution or what the lockfile says.

    Raw values of the spec, and the effective settings; never descriptions, owners, comments or
    settings that do not reach this environment.
    """
    settings: dict[str, Any] = {
        "channels": effective.channels,
        "channel-priority": effective.channel_priority,
        "platforms": effective.platforms,
        "virtual-packages": effective.virtual_packages,
    }
    if effective.pypi:  # settings that do not reach an environment do not count
        pypi = effective.pypi.settings
        settings["pypi"] = [pypi.index, list(pypi.extra_indexes), pypi.sdists]
    if effective.solver != "rattler":
        settings["solver"] = effective.solver
    if effective.exclude_newer is not None:
        settings["exclude-newer"] = effective.exclude_newer
    return digest({"version": INPUT_VERSION, "spec": spec.raw, "settings": settings})


def content_digest(packages: Iterable[tuple[str, str, str]], variables: Mapping[str, str]) -> str:
    """Digest one platform's content: sorted ``(manager, URL, sha256)``, and the variables."""
    return digest({"packages": sorted(packages), "variables": dict(variables)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How content becomes artifacts. ``tests`` count: what passed none of them is not theirs."""

    kinds: tuple[str, ...]
    tests: tuple[str, ...] = ()
    base: str | None = None
    builder: int = BUILDER_VERSION

    @property
    def options(self) -> dict[str, Any]:
        return {"archive": {"format": "tar.zst", "level": 3}}

    @property
    def tests_digest(self) -> str | None:
        return digest(self.tests) if self.tests else None

    @property
    def digest(self) -> str:
        return _recipe_digest(self)

    def to_dict(self) -> dict[str, Any]:
        return {
            "builder": self.builder,
            "kinds": sorted(self.kinds),
            "options": {kind: self.options[kind] for kind in sorted(self.kinds)},
            "base": self.base,
            "tests": self.tests_digest,
        }


@cache
def _recipe_digest(recipe: Recipe) -> str:
    return digest(recipe.to_dict())


def recipe_for(spec: EnvironmentSpec, settings: NamespaceSettings) -> Recipe:
    """Return the recipe of an environment."""
    return Recipe(kinds=tuple(sorted(spec.artifacts or settings.artifacts)), tests=spec.tests)
