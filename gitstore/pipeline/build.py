"""Build: locked content to artifacts in their targets, in one task of one worker."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gitstore.files import remove_tree
from gitstore.model.identity import Recipe
from gitstore.model.lockfile import Lockfile
from gitstore.model.work import BuildOutcome, BuildRequest, Network
from gitstore.pipeline.ports import Builder, Publisher
from gitstore.pipeline.publish import publish_artifacts, publish_log


def build_request(
    *,
    environment: str,
    number: int,
    platform: str,
    content: str,
    recipe: Recipe,
    lock: Lockfile,
    work: Path,
    cache: Path,
    expected_bytes: int | None,
    network: Network,
) -> BuildRequest:
    """Ask for a build of one platform of a lockfile."""
    return BuildRequest(
        environment=environment,
        platform=platform,
        content=content,
        recipe=recipe,
        stem=f"{environment}-{number}",
        packages=lock.on(platform),
        variables=lock.metadata.variables,
        work=str(work),
        cache=str(cache),
        expected_bytes=expected_bytes,
        network=network,
    )


def build_and_publish(
    request: BuildRequest, builder: Builder, publishers: Mapping[str, Sequence[Publisher]]
) -> BuildOutcome:
    """Build, then publish, then clean up: what leaves this function is in a target.

    Raises:
        BuildError: as the builder says.
        PublishError: no target took the artifacts.
    """
    started = time.monotonic()
    work = Path(request.work)
    work.mkdir(parents=True, exist_ok=True)
    try:
        result = builder.build(request)
        built = time.monotonic()
        published = publish_artifacts(result.artifacts, publishers)
        log = publish_log(result.log, work, next(iter(publishers.values()), ()))
        ended = time.monotonic()
    finally:
        remove_tree(work)
    return BuildOutcome(
        result=replace(result, log=""),
        published=published,
        log=log,
        publish_seconds=ended - built,
        seconds=ended - started,
    )
