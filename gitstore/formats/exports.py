"""What a lockfile of ours is written as for other tools. Nothing is installed or asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from gitstore.errors import UsageError
from gitstore.model.lockfile import LockedPackage, Lockfile, render_lockfile

_CREATED_BY = "conda-gitstore"


def write_explicit(lock: Lockfile, platform: str) -> str:
    """Write ``@EXPLICIT`` for conda, mamba, micromamba and pixi; the PyPI half becomes remarks."""
    lines = [f"# platform: {platform}", "@EXPLICIT"]
    for package in _ordered(lock, platform, "conda"):
        digest = package.md5 or f"sha256:{package.sha256}"
        lines.append(f"{package.url}#{digest}")
    lines += [
        f"# pip {package.name} @ {package.url} --hash=sha256:{package.sha256}"
        for package in _ordered(lock, platform, "pip")
    ]
    return "\n".join(lines) + "\n"


def write_environment(lock: Lockfile, platform: str, name: str) -> str:
    """Write an ``environment.yml`` that pins everything to version and build."""
    lines = [f"name: {name}", "channels:"]
    lines += [f"  - {json.dumps(channel)}" for channel in lock.channels]
    lines += ["  - nodefaults", "dependencies:"]
    lines += [
        f"  - {package.name}={package.version}={package.build}"
        for package in _ordered(lock, platform, "conda")
    ]
    if wheels := _ordered(lock, platform, "pip"):
        lines.append("  - pip:")
        lines += [f"      - {json.dumps(_direct(package))}" for package in wheels]
    if lock.metadata.variables:
        lines.append("variables:")
        lines += [f"  {key}: {json.dumps(text)}" for key, text in lock.metadata.variables.items()]
    return "\n".join(lines) + "\n"


def write_requirements(lock: Lockfile, platform: str) -> str:
    """Write requirements with hashes, for the PyPI half alone."""
    lines = [f"# The PyPI half for {platform}; conda has to bring the rest."]
    for package in _ordered(lock, platform, "pip"):
        if package.url.startswith("git+"):
            lines.append(f"{package.name} @ {package.url}")
        else:
            lines.append(f"{package.name}=={package.version} --hash=sha256:{package.sha256}")
    return "\n".join(lines) + "\n"


def write_pylock(lock: Lockfile, platform: str) -> str:
    """Write a ``pylock.toml`` (PEP 751) of the PyPI half."""
    lines = ['lock-version = "1.0"', f"created-by = {json.dumps(_CREATED_BY)}"]
    for package in _ordered(lock, platform, "pip"):
        lines += ["", "[[packages]]", f"name = {json.dumps(package.name)}"]
        if package.url.startswith("git+"):
            url, _, commit = package.url.removeprefix("git+").partition("#")[0].rpartition("@")
            where = f"url = {json.dumps(url)}, commit-id = {json.dumps(commit)}"
            lines.append(f'vcs = {{ type = "git", {where} }}')
            continue
        hashes = f'hashes = {{ sha256 = "{package.sha256}" }}'
        named = f"name = {json.dumps(package.file_name)}, url = {json.dumps(package.url)}"
        file = f"{{ {named}, {hashes} }}"
        is_wheel = package.file_name.endswith(".whl")
        lines.append(f"version = {json.dumps(package.version)}")
        lines.append(f"wheels = [{file}]" if is_wheel else f"sdist = {file}")
    return "\n".join(lines) + "\n"


def write_pixi(lock: Lockfile) -> str:
    """Write a ``pixi.lock`` of version 6 with all platforms, and the PyPI half with its hashes."""
    lines = ["version: 6", "environments:", "  default:", "    channels:"]
    lines += [f"    - url: {json.dumps(channel + '/')}" for channel in lock.channels]
    if any(package.manager == "pip" for package in lock.packages):
        lines += ["    indexes:", "    - https://pypi.org/simple"]
    lines.append("    packages:")
    for platform in lock.platforms:
        lines.append(f"      {platform}:")
        for package in _pixi_order(lock.on(platform)):
            lines.append(f"      - {_kind(package)}: {json.dumps(package.url)}")
    lines.append("packages:")
    seen = {(package.manager, package.url): package for package in lock.packages}
    for package in _pixi_order(list(seen.values())):
        lines += _pixi_facts(package)
    return "\n".join(lines) + "\n"


def _pixi_facts(package: LockedPackage) -> list[str]:
    lines = [f"- {_kind(package)}: {json.dumps(package.url)}"]
    if package.manager == "pip":
        lines += [f"  name: {package.name}", f"  version: {json.dumps(package.version)}"]
        if len(package.sha256) == 64:
            lines.append(f"  sha256: {package.sha256}")
        needs = [f"{name}{text}" for name, text in sorted(package.depends.items())]
        key = "requires_dist"
    else:
        lines += [f"  sha256: {package.sha256}"] if package.sha256 else []
        lines += [f"  md5: {package.md5}"] if package.md5 else []
        needs = [f"{name} {text}".strip() for name, text in sorted(package.depends.items())]
        key = "depends"
    if needs:
        lines += [f"  {key}:", *(f"  - {json.dumps(need)}" for need in needs)]
    return lines


def _pixi_order(packages: Sequence[LockedPackage]) -> list[LockedPackage]:
    return sorted(packages, key=lambda package: (package.manager, package.url))


def _kind(package: LockedPackage) -> str:
    return "pypi" if package.manager == "pip" else "conda"


def _direct(package: LockedPackage) -> str:
    if package.url.startswith("git+"):
        return f"{package.name} @ {package.url}"
    return f"{package.name} @ {package.url}#sha256={package.sha256}"


def _ordered(lock: Lockfile, platform: str, manager: str) -> list[LockedPackage]:
    return [package for package in lock.on(platform) if package.manager == manager]


# Format → whether it holds one platform only, and what writes it of (lock, platform, name).
Writer = Callable[[Lockfile, str, str], str]
FORMATS: Mapping[str, tuple[bool, Writer]] = {
    "conda-lock": (False, lambda lock, _, __: render_lockfile(lock).decode()),
    "explicit": (True, lambda lock, platform, _: write_explicit(lock, platform)),
    "environment": (True, write_environment),
    "pixi": (False, lambda lock, _, __: write_pixi(lock)),
    "pylock": (True, lambda lock, platform, _: write_pylock(lock, platform)),
    "requirements": (True, lambda lock, platform, _: write_requirements(lock, platform)),
}


def export_lock(lock: Lockfile, kind: str, *, platform: str | None, name: str) -> str:
    """Write a lockfile as ``kind``.

    Raises:
        UsageError: the platform is not one of the lockfile's, or has to be named.
    """
    one, write = FORMATS[kind]
    if platform is None and one and len(lock.platforms) > 1:
        known = ", ".join(lock.platforms)
        raise UsageError(f"{kind} is for one platform", hint=f"`--platform`, one of {known}")
    chosen = platform or next(iter(lock.platforms), "")
    if one and chosen not in lock.platforms:
        known = ", ".join(lock.platforms) or "none"
        raise UsageError(f"the lockfile has no {chosen}", hint=f"it has {known}")
    return write(lock, chosen, name)
