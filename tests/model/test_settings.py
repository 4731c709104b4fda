"""Settings: one case a rule."""

from __future__ import annotations

import pytest

from gitstore.model.settings import (
    check_namespace_settings,
    check_store_settings,
    namespace_settings,
    seconds_of,
    store_settings,
)
from gitstore.model.yamltext import parse_yaml
from gitstore.resources import data_path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chanels: [a]", "did you mean `channels`?"),
        ("format: 2", "upgrade gitstore"),
        ("platforms: [linux]", "did you mean `linux-64`?"),
        ("platforms: []", ""),
        ("environments: ['../x/{name}.yml']", "inside the repository"),
        ("environments: ['/etc/{name}.yml']", "inside the repository"),
        ("environments: ['a/{name}/{name}.yml']", "for example"),
        ("environments: ['a/*/environment.yml']", "for example"),
        ("channels: ['https://u:p@h/c']", "remove it from the URL"),
        ("channels: [defaults]", "write `conda-forge` instead"),
        ("commit: {author: me}", "Author of gitstore's commits"),
        ("solve: {channel-priority: flexible}", "one of `strict`, `disabled`"),
        ("freeze: true", "Stops all work"),
        ("- a", ""),
    ],
)
def test_a_wrong_namespace_setting_is_said(text: str, said: str) -> None:
    problems = check_namespace_settings(parse_yaml(text.encode()))
    assert problems
    assert any(said in problem.hint for problem in problems), problems


@pytest.mark.parametrize(
    "text",
    [
        "format: 1",
        "name: x\ntargets: {a: {type: s3, path: x}}",
        "name: x\npublish: {archive: [nowhere]}",
        "name: x\nnamespaces: {'..': {path: x}}",
        "name: X y",
        "name: x\nexecutor: {workers: 0}",
        "name: x\nexecutor: {timeouts: {solve: 10}}",
        "name: x\nnamespaces: {a: {}}",
    ],
)
def test_a_wrong_store_setting_is_said(text: str) -> None:
    assert check_store_settings(parse_yaml(text.encode()))


def test_no_key_is_needed_in_a_namespace() -> None:
    document = parse_yaml(b"")
    assert check_namespace_settings(document) == []
    settings = namespace_settings(document)
    assert settings.channels == ("conda-forge",)
    assert settings.platforms is None
    assert settings.artifacts == ("archive",)


@pytest.mark.parametrize("kind", ["store", "namespace"])
def test_the_templates_are_valid(kind: str) -> None:
    (file,) = (data_path("templates") / kind).glob("*.yml")
    document = parse_yaml(file.read_bytes())
    check = check_store_settings if kind == "store" else check_namespace_settings
    assert check(document) == []


def test_store_settings_are_read() -> None:
    text = b"""
format: 1
name: lab
namespaces: {b: {path: repositories/b.git}, a: {path: ., visibility: public}}
targets: {one: {type: directory, path: x}, two: {type: directory, path: y}}
publish: {archive: [two]}
executor: {type: local, workers: 3, timeouts: {solve: 90s, build: 2h}}
policy: {channels: [conda-forge]}
"""
    settings = store_settings(parse_yaml(text))
    assert [entry.name for entry in settings.namespaces] == ["a", "b"]
    assert settings.targets_for("archive") == ("two",)
    assert (settings.workers, settings.solve_timeout, settings.build_timeout) == (3, 90, 7200)
    assert settings.allowed_channels == ("conda-forge",)


def test_durations() -> None:
    assert [seconds_of(text) for text in ("5s", "10m", "2h", "7d")] == [5, 600, 7200, 604_800]
