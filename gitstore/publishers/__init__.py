"""Publishers: where artifacts go. Content-addressed, so that publishing again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gitstore.publishers.directory import DirectoryPublisher

if TYPE_CHECKING:
    from gitstore.model.work import Target
    from gitstore.pipeline.ports import Publisher


def _directory(target: Target) -> Publisher:
    return DirectoryPublisher(target.name, Path(target.path))


PUBLISHERS: dict[str, Callable[[Target], Publisher]] = {"directory": _directory}


def make_publisher(target: Target) -> Publisher:
    """Wire the publisher of a target."""
    return PUBLISHERS[target.type](target)
