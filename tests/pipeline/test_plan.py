"""The planner, as the pure function that it is: tables of states and decisions."""

from __future__ import annotations

from typing import Any

import pytest

from gitstore.model.environment import LoadedEnvironment, SpecTree, TreeEntry
from gitstore.model.identity import Recipe
from gitstore.model.plan import PlanItem
from gitstore.model.problems import Problem
from gitstore.model.records import History, build_key, lock_key
from gitstore.model.settings import NamespaceSettings
from gitstore.pipeline.plan import PlanContext, Planner

INPUT = "sha256:" + "a" * 64
CONTENT = "sha256:" + "c" * 64
RECIPE = Recipe(kinds=("archive",))
NOW = "2026-11-22T10:00:00Z"


def environment(**more: Any) -> LoadedEnvironment:
    values: dict[str, Any] = {
        "name": "x",
        "spec": TreeEntry(path="environments/x/environment.yml", oid="s1"),
        "lock_path": "environments/x/conda-lock.yml",
        "lock": TreeEntry(path="environments/x/conda-lock.yml", oid="l1"),
        "input": INPUT,
        "recipe": RECIPE,
        "platforms": ("linux-64",),
        **more,
    }
    return LoadedEnvironment(**values)


SOLVED = {"lock": "l1", "content": {"linux-64": CONTENT}, "number": 1}
BUILT = {"published": {"archive": ["local"]}}


def history(
    *,
    solves: dict[str, dict[str, Any]] | None = None,
    builds: dict[str, Any] | None = None,
    failures: dict[str, dict[str, Any]] | None = None,
) -> History:
    facts: dict[tuple[str, str], Any] = {}
    for number, fact in enumerate((solves or {}).values()):
        facts["solve", f"solve-{number}"] = fact
    facts["build", "build-0"] = builds
    for number, fact in enumerate((failures or {}).values()):
        facts["failure", f"failure-{number}"] = {"attempt": 1, "message": "m", **fact}
    return History(
        solves={"x": {key: f"solve-{n}" for n, key in enumerate(solves or {})}},
        builds={"linux-64": {f"{'c' * 16}-{RECIPE.digest[7:15]}": "build-0"} if builds else {}},
        failures={"x": {key[7:23]: (1, f"failure-{n}") for n, key in enumerate(failures or {})}},
        read=lambda kind, oid: facts[kind, oid],
    )


def decide(found: LoadedEnvironment, known: History, **context: Any) -> list[PlanItem]:
    settings = context.pop("settings", NamespaceSettings())
    values: dict[str, Any] = {
        "runner_platforms": ("linux-64",),
        "targets": {"archive": ("local",)},
        "now": NOW,
        **context,
    }
    tree = SpecTree(namespace="n", revision="r", settings=settings, environments=(found,))
    return list(Planner(history=known, context=PlanContext(**values)).plan(tree).items)


A16 = "a" * 16
OTHER = {"lock": "l0", "content": {}, "number": 1}
LATER, EARLIER = "2026-11-23T00:00:00Z", "2026-11-22T00:00:00Z"
BROKEN = Problem(code="wrong-type", message="m")
LOCK_FAILED = lock_key(INPUT, None)
BUILD_FAILED = build_key("linux-64", CONTENT, RECIPE.digest)


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        pytest.param(environment(lock=None), history(), ("lock", "new"), id="new"),
        pytest.param(environment(), history(), ("lock", "lock-unverified"), id="unverified"),
        pytest.param(
            environment(lock=TreeEntry(path="p", oid="l0")),
            history(solves={"b" * 16: OTHER}),
            ("lock", "input-changed"),
            id="input changed",
        ),
        pytest.param(
            environment(lock=None),
            history(solves={A16: SOLVED}),
            ("lock", "lock-restored"),
            id="restored",
        ),
        pytest.param(
            environment(), history(solves={A16: SOLVED}), ("build", "not-built"), id="build"
        ),
        pytest.param(
            environment(),
            history(solves={A16: SOLVED}, builds=BUILT),
            ("skip", "up-to-date"),
            id="done",
        ),
        pytest.param(
            environment(),
            history(solves={A16: SOLVED}, builds={"published": {"archive": []}}),
            ("publish", "target-added"),
            id="publish",
        ),
        pytest.param(
            environment(spec=None),
            history(solves={A16: SOLVED}),
            ("retire", "spec-deleted"),
            id="retire",
        ),
        pytest.param(environment(spec=None), history(), ("skip", "lock-only"), id="lock only"),
        pytest.param(
            environment(problems=(BROKEN,), input=None),
            history(),
            ("skip", "spec-invalid"),
            id="invalid",
        ),
        pytest.param(
            environment(lock=None),
            history(failures={LOCK_FAILED: {"code": "unsolvable", "retry_after": LATER}}),
            ("skip", "failed-before"),
            id="failed, too early",
        ),
        pytest.param(
            environment(lock=None),
            history(failures={LOCK_FAILED: {"code": "x", "retry_after": EARLIER}}),
            ("lock", "new"),
            id="failed, its time has come",
        ),
        pytest.param(
            environment(),
            history(
                solves={A16: SOLVED},
                failures={BUILD_FAILED: {"code": "test-failed", "retry_after": None}},
            ),
            ("skip", "failed-before"),
            id="build failed for good",
        ),
    ],
)
def test_each_state_has_one_decision(
    found: LoadedEnvironment, known: History, expected: tuple[str, str]
) -> None:
    assert [(item.verb, item.reason) for item in decide(found, known)] == [expected]


def test_retry_takes_up_what_failed_for_good() -> None:
    known = history(
        solves={A16: SOLVED}, failures={BUILD_FAILED: {"code": "x", "retry_after": None}}
    )
    assert [item.verb for item in decide(environment(), known, retry=True)] == ["build"]


def test_a_frozen_or_unselected_environment_is_a_skip_with_its_reason() -> None:
    frozen = NamespaceSettings(freeze="audit")
    (item,) = decide(environment(lock=None), history(), settings=frozen)
    assert (item.reason, item.detail) == ("frozen", "audit")
    (item,) = decide(environment(lock=None), history(), selected=frozenset({"y"}))
    assert item.reason == "not-selected"


def test_a_plan_never_reads_a_lockfile_or_an_unneeded_record() -> None:
    read: list[tuple[str, str]] = []
    known = history(solves={A16: SOLVED, "b" * 16: OTHER}, builds=BUILT)

    def spy(kind: str, oid: str) -> Any:
        read.append((kind, oid))
        return known.read(kind, oid)

    spying = History(
        solves=known.solves,
        builds=known.builds,
        failures=known.failures,
        read=spy,
    )
    decide(environment(), spying)
    assert read == [("solve", "solve-0"), ("build", "build-0")]
