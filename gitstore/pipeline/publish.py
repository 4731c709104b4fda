"""Publish: artifacts to their targets. Content-addressed, so it may be repeated or cut short."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitstore.errors import PublishError
from gitstore.files import write_file
from gitstore.model.work import BuiltArtifact, PublishedArtifact
from gitstore.pipeline.ports import Publisher


def publish_artifacts(
    artifacts: Sequence[BuiltArtifact], publishers: Mapping[str, Sequence[Publisher]]
) -> tuple[PublishedArtifact, ...]:
    """Put each artifact where its kind belongs.

    A target that refuses leaves the artifact pending there, as long as another has it: a later
    run brings it. When none has it, nothing may say that it exists.

    Raises:
        PublishError: no target took an artifact.
    """
    return tuple(_publish_one(artifact, publishers[artifact.kind]) for artifact in artifacts)


def _publish_one(artifact: BuiltArtifact, publishers: Sequence[Publisher]) -> PublishedArtifact:
    described = PublishedArtifact(
        kind=artifact.kind,
        media_type=artifact.media_type,
        name=artifact.name,
        digest=artifact.digest,
        uncompressed=artifact.uncompressed,
        size=artifact.size,
    )
    return _put_everywhere(described, Path(artifact.path), publishers)


def _put_everywhere(
    artifact: PublishedArtifact, path: Path, publishers: Sequence[Publisher]
) -> PublishedArtifact:
    published = list(artifact.published)
    pending: list[str] = []
    new_bytes = 0
    failure: PublishError | None = None
    for publisher in publishers:
        try:
            new_bytes += 0 if publisher.has(artifact.digest) else artifact.size
            published.append((publisher.name, publisher.put(path, artifact.digest)))
        except PublishError as exc:
            failure = exc
            pending.append(publisher.name)
    if failure is not None and not published:
        raise failure
    return replace(
        artifact,
        published=tuple(sorted(set(published))),
        pending=tuple(sorted(pending)),
        new_bytes=new_bytes,
    )


def publish_log(text: str, work: Path, publishers: Sequence[Publisher]) -> dict[str, Any] | None:
    """Publish a build's log beside its artifacts; return its digest and size in bytes."""
    data = text.encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    file = work / "log"
    write_file(file, data, durable=False)
    for publisher in publishers:
        publisher.put(file, digest)
    return {"digest": digest, "size": len(data)} if publishers else None


def copy_artifact(
    artifact: PublishedArtifact,
    publishers: Mapping[str, Publisher],
    wanted: Sequence[str],
    work: Path,
) -> PublishedArtifact:
    """Bring an artifact from a target that has it to those of ``wanted`` that do not.

    Raises:
        PublishError: no target gives it back, or none takes it.
    """
    missing = [name for name in wanted if name not in artifact.targets]
    if not missing:
        return artifact
    file = work / "artifact"
    failure: PublishError | None = None
    for name in sorted(artifact.targets):
        if name not in publishers:
            continue
        try:
            publishers[name].get(artifact.digest, file)
        except PublishError as exc:
            failure = exc
            continue
        return _put_everywhere(artifact, file, [publishers[name] for name in missing])
    raise failure or PublishError(
        f"no target of this store has `{artifact.name}` any more",
        hint="`gitstore apply --retry` builds it anew when its record is removed",
    )
