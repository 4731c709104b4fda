"""The commands that pages offer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitstore.site.commands import Link, ways_to_get
from tests.site.samples import DIGEST, make_download, make_environment, make_sample

SHA = DIGEST.removeprefix("sha256:")


def commands(platform: str, link: Link | None = None, base_url: str | None = None) -> list[str]:
    download = make_download(platform=platform, name=f"analysis-2-{platform}.tar.zst")
    ways = ways_to_get(
        make_sample(base_url=base_url), make_environment(), [(download, link or Link(href="x"))]
    )
    return [way.commands for way in ways]


def test_an_archive_is_checked_unpacked_into_a_folder_of_its_version_and_activated() -> None:
    archive, lockfile = commands("linux-64")
    assert archive.splitlines() == [
        f"echo '{SHA}  analysis-2-linux-64.tar.zst' | sha256sum --check",
        "mkdir analysis-2",
        "tar -xf analysis-2-linux-64.tar.zst -C analysis-2",
        "source analysis-2/bin/activate",
        "conda-unpack",
    ]
    assert lockfile.splitlines() == [
        "micromamba create -n analysis -f conda-lock.yml",
        "micromamba activate analysis",
    ]


@pytest.mark.parametrize(
    ("platform", "word"),
    [("osx-arm64", "shasum -a 256"), ("win-64", "\\Scripts\\activate.bat")],
)
def test_each_system_has_its_own_words(platform: str, word: str) -> None:
    assert word in commands(platform)[0]


def test_a_site_that_is_served_offers_to_fetch() -> None:
    url = "https://envs.example.org/environments/team/analysis/analysis-2-linux-64.tar.zst"
    link = Link(href="x", url=url)
    archive, lockfile = commands("linux-64", link, "https://envs.example.org")
    assert archive.startswith(f"curl -fLo analysis-2-linux-64.tar.zst {url}\n")
    assert lockfile.startswith(
        "curl -fLo conda-lock.yml https://envs.example.org/environments/team/analysis/conda-lock.yml\n"
    )


def test_no_lockfile_is_offered_where_none_may_be_handed_out() -> None:
    environment = replace(make_environment(), lock=None)
    assert ways_to_get(make_sample(), environment, []) == []
