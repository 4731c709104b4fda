"""The bare baselines: what the engines alone need for the same work."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any


def make_environment(options: dict[str, Any]) -> None:
    """Solve, install and pack as a careful script would: same platforms, level and threads."""
    import tarfile

    import rattler
    import zstandard

    async def solve_and_install() -> None:
        gateway = rattler.Gateway(cache_dir=Path(options["cache"]) / "repodata")
        virtual = [
            rattler.GenericVirtualPackage(
                rattler.PackageName(name), rattler.Version(version), rattler.BuildString("0")
            )
            for name, version in options["virtual"].items()
        ]
        records = await rattler.solve(
            [options["channel"]],
            [rattler.MatchSpec(text, strict=False) for text in options["specs"]],
            gateway=gateway,
            platforms=["linux-64", "noarch"],
            virtual_packages=virtual,
        )
        await rattler.install(
            records,
            options["prefix"],
            cache_dir=Path(options["cache"]) / "packages",
            show_progress=False,
        )

    asyncio.run(solve_and_install())
    compressor = zstandard.ZstdCompressor(level=3, threads=2)
    with (
        Path(options["archive"]).open("wb") as stream,
        compressor.stream_writer(stream) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        tar.add(options["prefix"], arcname=".")


def solve_only(options: dict[str, Any]) -> None:
    """Solve every platform at once on one gateway, and keep what came."""
    import rattler

    async def solve(platform: str, virtual: dict[str, str], gateway: Any) -> list[Any]:
        packages = []
        for name, text in virtual.items():
            number, _, build = text.partition("=")
            packages.append(
                rattler.GenericVirtualPackage(
                    rattler.PackageName(name),
                    rattler.Version(number),
                    rattler.BuildString(build or "0"),
                )
            )
        subdirs: Any = [platform, "noarch"]
        return await rattler.solve(
            [options["channel"]],
            [rattler.MatchSpec(text, strict=False) for text in options["specs"]],
            gateway=gateway,
            platforms=subdirs,
            virtual_packages=packages,
        )

    async def every() -> None:
        gateway = rattler.Gateway(cache_dir=Path(options["cache"]) / "repodata")
        virtual = options["virtual"]
        found = await asyncio.gather(
            *(solve(platform, virtual[platform], gateway) for platform in virtual)
        )
        assert all(len(records) > 100 for records in found)

    asyncio.run(every())


def list_specs(options: dict[str, Any]) -> None:
    """List paths and ids of every spec of a repository, as pygit2 alone does."""
    import pygit2

    repository = pygit2.Repository(options["repository"])
    tree: Any = repository.revparse_single("HEAD").peel(pygit2.Tree)
    found = [
        (f"environments/{folder.name}/environment.yml", str(folder["environment.yml"].id))
        for folder in tree["environments"]
    ]
    assert len(found) == options["count"]


if __name__ == "__main__":
    kinds = {"environment": make_environment, "solve": solve_only, "list": list_specs}
    kinds[sys.argv[1]](json.loads(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)
