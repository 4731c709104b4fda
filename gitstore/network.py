"""How the engine reaches channels: mirrors, credentials of its own store, other schemes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rattler import networking

from gitstore import __version__
from gitstore.model.work import Network

_RETRIES = 2
_TIMEOUT = 60  # seconds without an answer


def channel_client(network: Network) -> Any:
    """Return a client of the engine; one for each way to reach channels is enough for a process.

    Credentials come from the engine's own store, as for pixi and rattler: ``RATTLER_AUTH_FILE``,
    the system's keyring, or ``~/.rattler/credentials.json``.
    """
    mirrors = tuple((base, tuple(found)) for base, found in sorted(network.mirrors.items()))
    return _client(mirrors)


@lru_cache(maxsize=8)
def _client(mirrors: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    middlewares: list[Any] = []
    if mirrors:
        middlewares.append(
            networking.MirrorMiddleware({base: list(urls) for base, urls in mirrors})
        )
    middlewares += [
        networking.RetryMiddleware(_RETRIES),
        networking.AuthenticationMiddleware(),
        networking.OciMiddleware(),
        networking.GCSMiddleware(),
        networking.S3Middleware(),
    ]
    user_agent = f"conda-gitstore/{__version__}"
    return networking.Client(middlewares, user_agent=user_agent, timeout=_TIMEOUT)
