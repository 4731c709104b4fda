"""The commands that a page offers to copy: how to get an environment onto a machine. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from gitstore.site.catalogue import Catalogue, Download, Environment

LOCKFILE_NAME = "conda-lock.yml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Where a download is: ``href`` from the environment's page, ``url`` from anywhere."""

    href: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to get an environment: an archive, or (``download`` None) the lockfile."""

    download: Download | None
    href: str | None
    commands: str


def ways_to_get(
    catalogue: Catalogue, environment: Environment, links: Sequence[tuple[Download, Link]]
) -> list[Way]:
    """Return the ways to get an environment: the archive of each platform, then the lockfile."""
    ways = [
        Way(
            download=download,
            href=link.href,
            commands=archive_commands(environment, download, link),
        )
        for download, link in links
        if download.kind == "archive"
    ]
    if environment.lock is not None:
        url = None
        if catalogue.base_url is not None:
            url = f"{catalogue.base_url}{environment.path}/{LOCKFILE_NAME}"
        ways.append(
            Way(download=None, href=LOCKFILE_NAME, commands=lockfile_commands(environment, url))
        )
    return ways


def archive_commands(environment: Environment, download: Download, link: Link) -> str:
    """Check, unpack and activate an archive.

    The folder carries the version, so that a new one never lands in an old one.
    """
    number = environment.shown.number if environment.shown else 0
    file, folder = shlex.quote(download.name), shlex.quote(f"{environment.name}-{number}")
    fetch = [f"curl -fLo {file} {shlex.quote(link.url)}"] if link.url else []
    if download.platform.startswith("win-"):
        activate = [f"{folder}\\Scripts\\activate.bat"]
        check = []
    else:
        activate = [f"source {folder}/bin/activate"]
        tool = "shasum -a 256" if download.platform.startswith("osx-") else "sha256sum"
        check = [f"echo '{download.sha256}  {download.name}' | {tool} --check"]
    unpack = [f"mkdir {folder}", f"tar -xf {file} -C {folder}"]
    return "\n".join([*fetch, *check, *unpack, *activate, "conda-unpack"])


def lockfile_commands(environment: Environment, url: str | None) -> str:
    """Install the very same packages from the lockfile."""
    name = shlex.quote(environment.name)
    fetch = [f"curl -fLo {LOCKFILE_NAME} {shlex.quote(url)}"] if url else []
    install = [f"micromamba create -n {name} -f {LOCKFILE_NAME}", f"micromamba activate {name}"]
    return "\n".join([*fetch, *install])
