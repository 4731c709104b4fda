"""What changes an identity, and what never may."""

from __future__ import annotations

import pytest

from gitstore.model.identity import (
    Recipe,
    content_digest,
    effective_spec,
    input_digest,
    recipe_for,
)
from gitstore.model.platforms import DEFAULT_VIRTUAL_PACKAGES_V1, PLATFORMS, virtual_packages_for
from gitstore.model.settings import NamespaceSettings, namespace_settings
from gitstore.model.spec import parse_spec
from gitstore.model.yamltext import parse_yaml

SPEC = "name: x\nchannels: [a, b]\ndependencies: [python =3.10, numpy]\n"


def digest_of(spec_text: str, settings_text: str = "", runner: str = "linux-64") -> str:
    spec, problems = parse_spec(parse_yaml(spec_text.encode()))
    assert spec is not None, problems
    settings = namespace_settings(parse_yaml(settings_text.encode()))
    return input_digest(spec, effective_spec(spec, settings, runner))


@pytest.mark.parametrize(
    "text",
    [
        SPEC.replace("name: x", "name: y"),
        SPEC + "# a comment\n",
        SPEC + "gitstore: {description: d, owners: [o], tags: [t]}\n",
        SPEC + "gitstore: {tests: ['true'], artifacts: [archive]}\n",
        SPEC + "prefix: /somewhere\n",
        "dependencies: ['python =3.10', 'numpy']\nchannels:\n- a\n- b\n",
    ],
)
def test_what_cannot_change_a_solution_keeps_the_input(text: str) -> None:
    assert digest_of(text) == digest_of(SPEC)


@pytest.mark.parametrize(
    "text",
    [
        SPEC.replace("[a, b]", "[b, a]"),
        SPEC.replace("=3.10", "=3.1"),
        SPEC.replace(", numpy", ""),
        SPEC + "platforms: [linux-64]\n",
        SPEC + "variables: {A: '1'}\n",
        SPEC + "gitstore: {virtual-packages: {linux-64: {__cuda: '12'}}}\n",
    ],
)
def test_what_can_change_a_solution_changes_the_input(text: str) -> None:
    assert digest_of(text) != digest_of(SPEC)


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ("commit: {message: other}", True),
        ("artifacts: [archive]", True),
        ("policy: {channels: [z]}", True),
        ("freeze: {reason: x}", True),
        ("channels: [z]", False),
        ("platforms: [osx-arm64]", False),
        ("solve: {channel-priority: disabled}", False),
        ("virtual-packages: {linux-64: {__glibc: '2.17'}}", False),
        ("virtual-packages: {win-64: {__win: '1'}}", True),
    ],
)
def test_only_settings_that_reach_the_environment_count(settings: str, same: bool) -> None:
    assert (digest_of(SPEC, settings) == digest_of(SPEC)) is same


def test_the_input_digest_of_a_known_spec_never_changes() -> None:
    """An upgrade of gitstore relocks nothing: this value is for ever, or a version is added."""
    expected = "sha256:34637e5f45b90f26d43409539f7dedb960859199163ff446e642243598b7e9bd"
    assert digest_of(SPEC, "platforms: [linux-64, osx-arm64, win-64]") == expected


def test_the_recipe_digest_never_changes() -> None:
    assert (
        Recipe(kinds=("archive",)).digest
        == "sha256:093848b2c02b7dd2a5e09aee52e9e54121cfff8c694807a4f715fed821b4c29e"
    )


def test_content_depends_on_packages_and_variables_in_no_order() -> None:
    one, two = ("conda", "https://h/a", "00"), ("conda", "https://h/b", "11")
    assert content_digest([one, two], {}) == content_digest([two, one], {})
    assert content_digest([one], {}) != content_digest([one], {"A": "1"})


def test_tests_are_part_of_the_recipe() -> None:
    """What passed no test is not published for who asked for one."""
    with_tests, _ = parse_spec(parse_yaml((SPEC + "gitstore: {tests: [a]}\n").encode()))
    without, _ = parse_spec(parse_yaml(SPEC.encode()))
    assert with_tests is not None
    assert without is not None
    settings = NamespaceSettings()
    assert recipe_for(with_tests, settings).digest != recipe_for(without, settings).digest


def test_channels_of_the_namespace_are_appended_unless_nodefaults() -> None:
    settings = namespace_settings(parse_yaml(b"channels: [z, b]"))
    spec, _ = parse_spec(parse_yaml(SPEC.encode()))
    alone, _ = parse_spec(parse_yaml(SPEC.replace("[a, b]", "[a, nodefaults]").encode()))
    assert spec is not None
    assert alone is not None
    assert effective_spec(spec, settings, "linux-64").channels == ("a", "b", "z")
    assert effective_spec(alone, settings, "linux-64").channels == ("a",)


def test_every_platform_has_virtual_packages() -> None:
    assert set(DEFAULT_VIRTUAL_PACKAGES_V1) == set(PLATFORMS)


def test_virtual_packages_can_be_added_changed_and_taken_away() -> None:
    found = virtual_packages_for(
        "linux-64",
        {"linux-64": {"__glibc": "2.17"}},
        {"linux-64": {"__cuda": "12.4", "__archspec": None}},
    )
    assert found == {"__cuda": "12.4", "__glibc": "2.17", "__linux": "4.18", "__unix": "0"}
