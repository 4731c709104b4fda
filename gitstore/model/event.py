"""What a run tells while it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened: shown as progress, logged, streamed. Never needed for the result."""

    namespace: str
    environment: str
    stage: str
    text: str
    level: str = "info"
