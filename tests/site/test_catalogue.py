"""The catalogue follows from facts: no file, no repository, no clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitstore.model.problems import Problem
from gitstore.model.settings import NamespaceEntry
from gitstore.site.catalogue import (
    STATES,
    Content,
    Environment,
    Finding,
    checked_base_url,
    downloads_of,
    failure_of,
    finding_of,
    judge_state,
    sort_environments,
    split_packages,
    visible_entries,
)
from tests.site.samples import (
    DIGEST,
    KEY,
    make_environment,
    make_failure,
    make_namespace,
    make_package,
    make_sample,
)

FINDING = Finding(code="unknown-key", message="no such key")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        pytest.param({}, "up-to-date", id="built"),
        pytest.param({"unbuilt": ["linux-64"]}, "locked", id="one-platform-unbuilt"),
        pytest.param({"built": []}, "locked", id="no-runner-anywhere"),
        pytest.param({"is_current": False}, "waiting", id="spec-changed"),
        pytest.param({"failures": [make_failure()]}, "failed", id="failed"),
        pytest.param(
            {"findings": [FINDING], "failures": [make_failure()], "is_current": False},
            "problems",
            id="problems-come-first",
        ),
        pytest.param({"has_spec": False, "is_current": False}, "lock-only", id="brought"),
    ],
)
def test_the_state_says_what_a_person_should_know_first(facts: dict[str, Any], state: str) -> None:
    values = {
        "has_spec": True,
        "is_current": True,
        "findings": (),
        "failures": (),
        "built": ["linux-64"],
        "unbuilt": [],
        **facts,
    }
    assert judge_state(**values) == state


def test_only_public_namespaces_go_into_a_public_site() -> None:
    entries = [
        NamespaceEntry(name="a", path="a"),
        NamespaceEntry(name="b", path="b", visibility="public"),
        NamespaceEntry(name="c", path="c", visibility="private"),
    ]
    assert [entry.name for entry in visible_entries(entries, public=True)] == ["b"]
    assert [entry.name for entry in visible_entries(entries, public=False)] == ["a", "b", "c"]


def test_namespaces_by_name_and_what_is_retired_last() -> None:
    catalogue = make_sample(make_namespace(name="z"), make_namespace(name="a"))
    assert [namespace.name for namespace in catalogue.namespaces] == ["a", "z"]
    found = [
        make_environment(name="b"),
        make_environment(name="a", state="retired"),
        make_environment(name="c", state="failed"),
    ]
    assert [one.name for one in sort_environments(found)] == ["b", "c", "a"]


def test_states_are_counted_in_one_order() -> None:
    states = ("retired", "failed", "up-to-date", "failed")
    found = [make_environment(name=f"e{at}", state=state) for at, state in enumerate(states)]
    counts = make_sample(make_namespace(*found)).count_states()
    assert list(counts.items()) == [("up-to-date", 1), ("failed", 2), ("retired", 1)]


def test_every_state_has_words() -> None:
    for state in STATES:
        environment = replace(make_environment(), state=state)
        assert environment.state_words
        assert environment.state_sentence.endswith(".")


def test_packages_that_the_spec_names_come_first_each_group_by_name() -> None:
    packages = [make_package(name) for name in ("xz", "Numpy", "click", "bzip2")]
    direct, others = split_packages(packages, frozenset({"numpy", "xz"}))
    assert [package.name for package in direct] == ["Numpy", "xz"]
    assert [package.name for package in others] == ["bzip2", "click"]


def test_a_size_is_known_only_when_every_part_is() -> None:
    known = Content(platform="linux-64", direct=(make_package(size=2),), others=())
    assert known.size == 2
    assert replace(known, others=(make_package(size=None),)).size is None


def record(**more: Any) -> dict[str, Any]:
    artifact = {
        "kind": "archive",
        "media_type": "m",
        "name": "analysis-2-linux-64.tar.zst",
        "digest": DIGEST,
        "size": 5,
        "published": [{"target": "lake", "key": KEY}, {"target": "local", "key": KEY}],
        **more,
    }
    return {"artifacts": [artifact]}


def downloads(**more: Any) -> list[tuple[str, str, str | None]]:
    found = downloads_of(
        record(**more), platform="linux-64", stem="copy-7", folders={"local": "/srv/artifacts"}
    )
    return [(download.name, download.key, download.root) for download in found]


def test_a_download_has_the_name_of_its_environment_and_a_place_in_a_folder() -> None:
    assert downloads() == [("copy-7-linux-64.tar.zst", KEY, "/srv/artifacts")]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"name": "x'; rm -rf ~ #"}, [KEY], id="name-that-is-a-command"),
        pytest.param(
            {"published": [{"target": "local", "key": "../../../etc/passwd"}]}, [None], id="escape"
        ),
        pytest.param(
            {"published": [{"target": "local", "key": "javascript:alert(1)"}]}, [None], id="script"
        ),
        pytest.param({"published": [{"target": "other", "key": KEY}]}, [None], id="other-target"),
        pytest.param({"digest": "sha256:../../x"}, [], id="digest-that-is-a-path"),
        pytest.param({"kind": "<img src=x>"}, [KEY], id="kind-that-is-markup"),
    ],
)
def test_a_record_cannot_name_files_places_or_commands(
    more: dict[str, Any], expected: list[str | None]
) -> None:
    found = downloads(**more)
    assert [root and key for _, key, root in found] == expected
    assert all(name.startswith("copy-7-linux-64") for name, _, _ in found)
    assert all(key == KEY for _, key, _ in found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, None),
        ("https://envs.example.org", "https://envs.example.org/"),
        ("http://localhost:8000/site/", "http://localhost:8000/site/"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://a b", None),
        ("https://a/'; rm -rf ~; '", None),
        ("//host/x", None),
    ],
)
def test_only_web_addresses_are_base_urls(url: str | None, expected: str | None) -> None:
    assert checked_base_url(url) == expected


def test_a_failure_is_its_first_line_with_what_to_do() -> None:
    failure = failure_of(
        {
            "platform": None,
            "code": "unsolvable",
            "message": "no packages:\n├─ tree",
            "hint": None,
            "retry_after": "2026-11-23T00:00:00Z",
        }
    )
    assert failure == make_failure(
        message="no packages:", hint="", retry_after="2026-11-23T00:00:00Z"
    )


def test_a_finding_says_where() -> None:
    problem = Problem(code="unknown-key", message="`x`", hint="y", file="a.yml", line=3, column=1)
    assert finding_of(problem) == Finding(
        code="unknown-key", message="`x`", hint="y", place="a.yml:3:1"
    )


def test_an_environment_that_was_never_locked_has_nothing_to_show() -> None:
    environment = Environment(namespace="team", name="new", state="waiting")
    assert environment.downloads == ()
    assert environment.path == "environments/team/new"
