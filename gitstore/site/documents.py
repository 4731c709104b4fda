"""The catalogue as JSON, for programs: one index, and one file for each environment. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from gitstore.site.catalogue import (
    Catalogue,
    Content,
    Download,
    Environment,
    Namespace,
    Package,
    Release,
)
from gitstore.site.commands import LOCKFILE_NAME
from gitstore.site.text import iso_time

INDEX_SCHEMA = "gitstore/catalogue/v1"
ENVIRONMENT_SCHEMA = "gitstore/catalogue-environment/v1"
DOCUMENT_NAME = "environment.json"


def render_index_document(catalogue: Catalogue) -> str:
    """Write ``index.json``: every environment, without its packages and history."""
    return _render(
        {
            "schema": INDEX_SCHEMA,
            "title": catalogue.title,
            "store": catalogue.store,
            "public": catalogue.public,
            "namespaces": [_namespace(namespace) for namespace in catalogue.namespaces],
        }
    )


def render_environment_document(environment: Environment) -> str:
    """Write an environment's ``environment.json``: all that its page shows."""
    return _render(
        {
            "schema": ENVIRONMENT_SCHEMA,
            **_summary(environment),
            "channels": environment.channels,
            "packages": {content.platform: _packages(content) for content in environment.contents},
            "history": [_release(release) for release in environment.history],
        }
    )


def _render(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _namespace(namespace: Namespace) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "visibility": namespace.visibility,
        "revision": namespace.revision,
        "frozen": namespace.frozen,
        "problems": [asdict(finding) for finding in namespace.findings],
        "environments": [
            {
                **_summary(environment),
                "page": f"{environment.path}/index.html",
                "document": f"{environment.path}/{DOCUMENT_NAME}",
            }
            for environment in namespace.environments
        ],
    }


def _summary(environment: Environment) -> dict[str, Any]:
    shown = environment.shown
    return {
        "namespace": environment.namespace,
        "name": environment.name,
        "description": environment.description,
        "owners": environment.owners,
        "tags": environment.tags,
        "platforms": environment.platforms,
        "state": environment.state,
        "version": shown.number if shown else None,
        "locked": iso_time(shown.time) if shown else None,
        "lockfile": f"{environment.path}/{LOCKFILE_NAME}" if environment.lock else None,
        "problems": [asdict(finding) for finding in environment.findings],
        "failures": [asdict(failure) for failure in environment.failures],
        "left_out": dict(environment.dropped),
        "downloads": [_download(download) for download in environment.downloads],
    }


def _download(download: Download) -> dict[str, Any]:
    return {
        "platform": download.platform,
        "kind": download.kind,
        "name": download.name,
        "digest": download.digest,
        "size": download.size,
        "key": download.key,
    }


def _packages(content: Content) -> list[dict[str, Any]]:
    return [
        *(_package(package, direct=True) for package in content.direct),
        *(_package(package, direct=False) for package in content.others),
    ]


def _package(package: Package, *, direct: bool) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "manager": package.manager,
        "size": package.size,
        "license": package.license,
        "direct": direct,
    }


def _release(release: Release) -> dict[str, Any]:
    return {
        "number": release.number,
        "commit": release.commit,
        "time": iso_time(release.time),
        "subject": release.subject,
        "body": release.body,
        "verified": release.verified,
    }
