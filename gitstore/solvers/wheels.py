"""Wheels: which of several files a platform takes, and stubs that stand for what conda brings."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from gitstore.model.pypinames import Provided

_MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_WINDOWS = {"win-64": "win_amd64", "win-arm64": "win_arm64", "win-32": "win32"}
_MTIME = (1980, 1, 1, 0, 0, 0)


def supported_tags(platform: str, python: str, virtual_packages: dict[str, str]) -> list[Tag]:
    """Return the tags of wheels that run there, best first (PEP 425, 600, 656).

    ``python`` is a full version; what the platform has is taken from its virtual packages.
    """
    version = tuple(int(part) for part in python.split(".")[:2])
    platforms = list(_platforms(platform, virtual_packages))
    interpreter = f"cp{version[0]}{version[1]}"
    return [
        *cpython_tags(version, abis=[interpreter], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    ]


def _platforms(platform: str, virtual_packages: dict[str, str]) -> Iterator[str]:
    if platform in _WINDOWS:
        yield _WINDOWS[platform]
        return
    if platform.startswith("osx-"):
        version = _numbers(virtual_packages.get("__osx", "11.0"))
        yield from mac_platforms(version, "arm64" if platform == "osx-arm64" else "x86_64")
        return
    machine = _MACHINES.get(platform)
    if machine is None:
        return
    _, newest = _numbers(virtual_packages.get("__glibc", "2.17"))
    for minor in range(newest, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"


def _numbers(version: str) -> tuple[int, int]:
    parts = version.partition("=")[0].split(".")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0


def best_wheel(names: Iterable[str], tags: list[Tag]) -> str | None:
    """Return the file name of the wheel that fits best, or None where none fits."""
    rank = {tag: number for number, tag in enumerate(tags)}
    found = []
    for name in names:
        try:
            _, _, build, its_tags = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        ranks = [rank[tag] for tag in its_tags if tag in rank]
        if ranks:
            found.append((min(ranks), -build[0] if build else 0, name))
    return min(found)[2] if found else None


def write_stub(folder: Path, provided: Provided) -> None:
    """Write a wheel that holds nothing but its metadata: a resolver needs no index for it."""
    stem = f"{provided.name.replace('-', '_')}-{provided.version}"
    info = f"{stem}.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {provided.name}\nVersion: {provided.version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: conda-gitstore\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(f"{info}/{name}", _MTIME), text)
