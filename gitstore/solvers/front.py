"""``create --dry-run --json``, as conda answers it, solved by py-rattler.

conda-lock has no solver: it starts a conda and reads its answer. This is that program, for a
machine that has none. It takes from the command line what conda-lock gives, nothing more, and
makes nothing. ``cli/front.py`` prints its answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import rattler
from rattler.exceptions import GatewayError, SolverError

from gitstore.model.channels import redact
from gitstore.model.work import Network
from gitstore.network import channel_client
from gitstore.solvers.rattler import match_specs

VARIABLE = "GITSTORE_FRONT"
_VIRTUAL = "__"
# The answers have the form of this release's.
_AS_CONDA = "25.1.0"


def answer(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[str, int]:
    """Return what to print and the exit code for one call, with the caller's environment.

    ``GITSTORE_FRONT`` holds what conda-lock does not pass on, as JSON: ``cache``, a folder, and
    ``mirrors`` and ``offline`` as of the network.
    """
    if list(arguments) == ["--version"]:
        return f"conda {_AS_CONDA}\n", 0
    parser = argparse.ArgumentParser(prog="conda", allow_abbrev=False, exit_on_error=False)
    parser.add_argument("command", choices=["create"])
    parser.add_argument("--prefix", "-p")
    parser.add_argument("--dry-run", action="store_true", required=True)
    parser.add_argument("--json", action="store_true", required=True)
    parser.add_argument("--override-channels", action="store_true")
    parser.add_argument("--channel", "-c", action="append", default=[])
    parser.add_argument("specs", nargs="*")
    options = parser.parse_intermixed_args(list(arguments))
    settings = json.loads(environ.get(VARIABLE, "{}"))
    try:
        records = asyncio.run(_solve(options, environ["CONDA_SUBDIR"], settings))
    except (SolverError, GatewayError, OSError) as exc:
        return json.dumps({"success": False, "message": redact(str(exc))}), 1
    actions = {"FETCH": [_fetch(record) for record in records], "LINK": []}
    return json.dumps({"success": True, "dry_run": True, "actions": actions}), 0


async def _solve(
    options: argparse.Namespace, platform: str, settings: Mapping[str, Any]
) -> list[Any]:
    channels, virtual = _split(options.channel, platform)
    network = Network(
        mirrors={base: tuple(urls) for base, urls in settings.get("mirrors", {}).items()},
        offline=settings.get("offline", False),
    )
    action: Any = "force-cache-only" if network.offline else "cache-or-fetch"
    gateway = rattler.Gateway(
        Path(settings["cache"]) if "cache" in settings else None,
        rattler.SourceConfig(cache_action=action),
        client=channel_client(network),
    )
    subdirs: Any = [platform, "noarch"]
    return await rattler.solve(
        channels,
        match_specs(options.specs, strict=len(channels) > 1),
        gateway=gateway,
        platforms=subdirs,
        virtual_packages=virtual,
    )


def _split(channels: Sequence[str], platform: str) -> tuple[list[str], list[Any]]:
    """Tell conda-lock's own channel, a folder of virtual packages, from real ones."""
    real, virtual = [], []
    for channel in channels:
        found = _virtual_packages(channel, platform)
        if found is None:
            real.append(channel)
        virtual += found or []
    return real, virtual


def _virtual_packages(channel: str, platform: str) -> list[Any] | None:
    if not channel.startswith("file://"):
        return None
    file = Path(url2pathname(urlsplit(channel).path)) / platform / "repodata.json"
    try:
        packages = json.loads(file.read_text(encoding="utf-8")).get("packages", {})
    except (OSError, ValueError):
        return None
    if not packages or not all(each["name"].startswith(_VIRTUAL) for each in packages.values()):
        return None
    return [
        rattler.GenericVirtualPackage(
            rattler.PackageName(each["name"]),
            rattler.Version(each["version"]),
            rattler.BuildString(each.get("build_string") or each.get("build") or "0"),
        )
        for each in packages.values()
    ]


def _fetch(record: Any) -> dict[str, Any]:
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "channel": record.channel,
        "subdir": record.subdir,
        "fn": record.file_name,
        "url": str(record.url),
        "depends": list(record.depends),
        "constrains": list(record.constrains),
        "md5": (record.md5 or b"").hex(),
        "sha256": (record.sha256 or b"").hex(),
    }
