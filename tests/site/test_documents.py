"""The catalogue for programs."""

from __future__ import annotations

import json
from typing import Any

from tests.site.samples import (
    DIGEST,
    KEY,
    make_environment,
    make_failure,
    make_namespace,
    make_sample,
    render_files,
)


def documents(**more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the index, and the document of its one environment."""
    files = render_files(make_sample(make_namespace(make_environment(**more))))
    index = json.loads(files["index.json"])
    (environment,) = index["namespaces"][0]["environments"]
    assert environment["page"] in files
    return index, json.loads(files[environment["document"]])


def test_the_index_has_a_schema_and_where_to_read_on() -> None:
    index, _ = documents()
    assert index["schema"] == "gitstore/catalogue/v1"
    (namespace,) = index["namespaces"]
    (environment,) = namespace.pop("environments")
    assert namespace == {
        "name": "team",
        "visibility": "private",
        "revision": "9b" * 20,
        "frozen": None,
        "problems": [],
    }
    assert environment == {
        "namespace": "team",
        "name": "analysis",
        "description": "Tables, plots and statistics",
        "owners": ["alia"],
        "tags": ["teaching"],
        "platforms": ["linux-64", "osx-arm64"],
        "state": "up-to-date",
        "version": 2,
        "locked": "2026-11-20T11:06:40Z",
        "lockfile": "environments/team/analysis/conda-lock.yml",
        "problems": [],
        "failures": [],
        "left_out": {},
        "downloads": [
            {
                "platform": "linux-64",
                "kind": "archive",
                "name": "analysis-2-linux-64.tar.zst",
                "digest": DIGEST,
                "size": 50_000_000,
                "key": KEY,
            }
        ],
        "page": "environments/team/analysis/index.html",
        "document": "environments/team/analysis/environment.json",
    }


def test_an_environment_has_all_that_its_page_shows() -> None:
    _, document = documents()
    assert document["schema"] == "gitstore/catalogue-environment/v1"
    assert document["packages"]["linux-64"][0] == {
        "name": "numpy",
        "version": "2.4.6",
        "build": "py311_0",
        "manager": "conda",
        "size": 15_000_000,
        "license": "BSD-3-Clause",
        "direct": True,
    }
    assert [package["direct"] for package in document["packages"]["linux-64"]] == [True, False]
    assert [release["number"] for release in document["history"]] == [2, 1]
    assert document["history"][0]["subject"] == "lock analysis: 1 added"


def test_what_is_missing_is_null_and_what_failed_is_said() -> None:
    index, document = documents(
        state="failed",
        shown=None,
        history=(),
        contents=(),
        lock=None,
        failures=(make_failure(),),
    )
    for facts in (index["namespaces"][0]["environments"][0], document):
        assert (facts["version"], facts["locked"], facts["lockfile"]) == (None, None, None)
        assert facts["failures"][0]["code"] == "unsolvable"
        assert facts["failures"][0]["retry_after"] is None
