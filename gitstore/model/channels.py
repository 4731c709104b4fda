"""Channels as people write them, and URLs that may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from gitstore.model.problems import Problem

NODEFAULTS = "nodefaults"
# Channels of one company, free for some uses only, and where conda finds them: its `defaults` is
# a list (conda/base/constants.py), and the short names are mirrored on the host of all channels.
_PACKAGES = "https://repo.anaconda.com/pkgs/"
CHANNELS_WITH_TERMS: Mapping[str, tuple[str, ...]] = {
    "defaults": (f"{_PACKAGES}main", f"{_PACKAGES}r", f"{_PACKAGES}msys2"),
    **{name: (f"{_PACKAGES}{name}",) for name in ("main", "r", "msys2", "free", "pro")},
    **{f"pkgs/{name}": (f"{_PACKAGES}{name}",) for name in ("main", "r", "msys2", "free", "pro")},
    "anaconda": ("https://conda.anaconda.org/anaconda",),
}
_TERMS_HOSTS = ("repo.anaconda.com", "repo.continuum.io")
_TERMS_PATHS = tuple(
    f"https://conda.anaconda.org/{name}"
    for name in ("anaconda", "main", "r", "msys2", "free", "pro")
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*(/label/[\w.-]+)?")
_SCHEMES = ("http", "https", "file", "s3", "gs", "oci")
_USER = re.compile(r"(\w[\w+.-]*://)[^/\s@]*@")
_TOKEN_IN_TEXT = re.compile(r"(\w[\w+.-]*://[^\s]*?)/t/[^/\s]+")
_SECRET_QUERY = re.compile(
    r"([?&][\w.%-]*(?:token|key|secret|passw|auth|credential|sig)[\w.%-]*=)[^&\s]+", re.IGNORECASE
)
_TOKEN_PATH = re.compile(r"/t/[^/]+")


def redact(text: str) -> str:
    """Return ``text`` with the secrets of every URL in it replaced by stars."""
    text = _USER.sub(r"\1***@", text)
    text = _TOKEN_IN_TEXT.sub(r"\1/t/***", text)
    return _SECRET_QUERY.sub(r"\1***", text)


def has_secret(url: str) -> bool:
    """Say whether a URL carries a password, an anaconda.org token (``/t/TOKEN/``) or a key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return (
        "@" in parts.netloc
        or bool(_TOKEN_PATH.search(parts.path))
        or bool(_SECRET_QUERY.search(url))
    )


def channel_url(channel: str) -> str:
    """Return the base URL of a channel name or URL, with no trailing slash."""
    if "://" in channel:
        parts = urlsplit(channel)
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    from rattler import Channel  # noqa: PLC0415  the engine knows where names live

    return str(Channel(channel).base_url).rstrip("/")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelNames:
    """What the names of channels mean in a store: its own aliases, conda's lists, or the rest."""

    aliases: Mapping[str, str] = field(default_factory=dict)

    def urls(self, channel: str) -> tuple[str, ...]:
        """Return the base URLs of a channel, in order, with no trailing slash."""
        if channel in self.aliases:
            return (channel_url(self.aliases[channel]),)
        if channel in CHANNELS_WITH_TERMS:
            return CHANNELS_WITH_TERMS[channel]
        return (channel_url(channel),)

    def all_urls(self, channels: Iterable[str]) -> tuple[str, ...]:
        """Return the base URLs of several channels, each once."""
        return tuple(dict.fromkeys(url for channel in channels for url in self.urls(channel)))


def has_terms(url: str) -> bool:
    """Say whether what lies at a URL has terms of use that somebody must accept first."""
    parts = urlsplit(url)
    return parts.hostname in _TERMS_HOSTS or any(
        url == base or url.startswith(f"{base}/") for base in _TERMS_PATHS
    )


def check_channel(channel: str, *, key: str = "") -> list[Problem]:
    """Judge one channel of a spec or of the settings."""
    if "://" in channel:
        return _check_url(channel, key)
    if channel in CHANNELS_WITH_TERMS:
        return [_terms(channel, key)]
    if _NAME.fullmatch(channel):
        return []
    return [
        Problem(
            code="channel-invalid",
            message=f"`{redact(channel)}` is neither a channel name nor a URL",
            hint="write a name such as `conda-forge`, or a URL such as `https://host/channel`",
            key=key,
        )
    ]


def _check_url(url: str, key: str) -> list[Problem]:
    if has_secret(url):
        return [
            Problem(
                code="channel-secret",
                message=f"the URL `{redact(url)}` holds a password or a token",
                hint="remove it from the URL, and replace that secret at its source: who can "
                "read this file has read it",
                key=key,
            )
        ]
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not parts.netloc):
        return [
            Problem(
                code="channel-invalid",
                message=f"`{redact(url)}` is not a URL that a channel can have",
                hint=f"one of {', '.join(f'`{scheme}://`' for scheme in _SCHEMES)}",
                key=key,
            )
        ]
    if has_terms(url):
        return [_terms(url, key)]
    return []


def _terms(channel: str, key: str) -> Problem:
    return Problem(
        code="channel-terms",
        message=f"the terms of use of channel `{channel}` ask many organisations for a paid "
        "licence: nothing is solved from it until somebody accepts them in store.yml",
        hint="write `conda-forge` instead: it has almost all of the same packages",
        key=key,
    )
