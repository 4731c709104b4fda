"""Exports of one lockfile, each read back by somebody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from rattler.explicit_environment import ExplicitEnvironmentSpec

from gitstore.errors import SpecError, UsageError
from gitstore.formats.explicit import read_explicit
from gitstore.formats.exports import FORMATS, export_lock
from gitstore.formats.pixi import read_pixi_lock
from gitstore.formats.read import read_lock
from gitstore.model.lockfile import LockedPackage, Lockfile, LockMetadata, sorted_packages
from gitstore.model.spec import parse_spec
from gitstore.model.yamltext import parse_yaml
from tests.support.lab import Lab, gitstore

BASE = "https://conda.example/c"


def conda(name: str, version: str, platform: str, **depends: str) -> LockedPackage:
    digest = f"{abs(hash((name, version, platform))):064x}"
    return LockedPackage(
        name=name,
        version=version,
        platform=platform,
        url=f"{BASE}/{platform}/{name}-{version}-h1_0.conda",
        sha256=digest,
        md5=digest[-32:],
        depends=depends,
    )


def wheel(name: str, version: str, platform: str, **depends: str) -> LockedPackage:
    return LockedPackage(
        manager="pip",
        name=name,
        version=version,
        platform=platform,
        url=f"https://files.example/{name}-{version}-py3-none-any.whl",
        sha256=f"{abs(hash((name, version))):064x}",
        md5="",
        depends=depends,
    )


LOCK = Lockfile(
    channels=(BASE,),
    platforms=("linux-64", "osx-arm64"),
    source="environment.yml",
    packages=sorted_packages(
        [
            conda("python", "3.12.4", "linux-64", openssl=">=3,<4.0a0"),
            conda("openssl", "3.3.1", "linux-64"),
            conda("python", "3.12.4", "osx-arm64"),
            wheel("reporter", "1.1", "linux-64", helper=">=2"),
            wheel("helper", "2.0", "linux-64"),
        ]
    ),
    metadata=LockMetadata(variables={"GREETING": "hello: you"}),
)


def identities(lock: Lockfile, platform: str, manager: str = "conda") -> set[tuple[str, ...]]:
    return {
        (p.name, p.version, p.url, p.sha256, p.md5)
        for p in lock.on(platform)
        if p.manager == manager
    }


def test_an_explicit_list_is_read_by_the_engine_and_by_us(tmp_path: Path) -> None:
    text = export_lock(LOCK, "explicit", platform="linux-64", name="x")
    file = tmp_path / "explicit.txt"
    file.write_text(text)
    read = ExplicitEnvironmentSpec.from_path(file)
    assert {str(entry.url).partition("#")[0] for entry in read.packages} == {
        p.url for p in LOCK.on("linux-64") if p.manager == "conda"
    }
    back = read_explicit(text.encode(), where="x")
    assert {(n, v, u, m) for n, v, u, _, m in identities(back, "linux-64")} == {
        (n, v, u, m) for n, v, u, _, m in identities(LOCK, "linux-64")
    }


def test_a_pixi_lock_is_read_by_the_engine_and_by_us(tmp_path: Path) -> None:
    text = export_lock(LOCK, "pixi", platform=None, name="x")
    file = tmp_path / "pixi.lock"
    file.write_text(text)
    environment = rattler.LockFile.from_path(file).default_environment()
    assert environment is not None
    for platform in environment.platforms():
        found = environment.packages(platform) or []
        assert {str(p.location) for p in found} == {p.url for p in LOCK.on(str(platform))}
    back = read_pixi_lock(text.encode(), where="x")
    for name in LOCK.platforms:
        for manager in ("conda", "pip"):
            assert identities(back, name, manager) == identities(LOCK, name, manager)
    assert back.packages == LOCK.packages


def test_a_pinned_environment_is_a_spec_of_the_same_versions() -> None:
    text = export_lock(LOCK, "environment", platform="linux-64", name="work")
    spec, problems = parse_spec(parse_yaml(text.encode()))
    assert spec is not None, problems
    assert [wish.text for wish in spec.dependencies] == [
        "openssl=3.3.1=h1_0",
        "python=3.12.4=h1_0",
    ]
    assert {wish.requirement.name for wish in spec.pypi.dependencies} == {"reporter", "helper"}
    assert spec.variables == {"GREETING": "hello: you"}
    assert yaml.safe_load(text)["name"] == "work"


def test_requirements_have_hashes_and_pylock_is_toml() -> None:
    lines = export_lock(LOCK, "requirements", platform="linux-64", name="x").splitlines()[1:]
    assert [Requirement(line.partition(" --hash")[0]).name for line in lines] == [
        "helper",
        "reporter",
    ]
    assert all("--hash=sha256:" in line for line in lines)
    if sys.version_info >= (3, 11):
        import tomllib

        data = tomllib.loads(export_lock(LOCK, "pylock", platform="linux-64", name="x"))
        assert [p["name"] for p in data["packages"]] == ["helper", "reporter"]
        assert data["lock-version"] == "1.0"
        assert data["packages"][0]["wheels"][0]["hashes"]["sha256"]


@pytest.mark.network
def test_uv_installs_nothing_else_from_a_pylock(tmp_path: Path) -> None:
    """uv reads it whole: a dry run names what it would install."""
    from uv import find_uv_bin

    file = tmp_path / "pylock.toml"
    file.write_text(export_lock(LOCK, "pylock", platform="linux-64", name="x"))
    done = subprocess.run(
        [
            find_uv_bin(),
            "pip",
            "install",
            "--dry-run",
            "--target",
            str(tmp_path / "t"),
            "-r",
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith(" + ")] == [
        " + helper==2.0",
        " + reporter==1.1",
    ]


def test_a_format_of_one_platform_wants_it_named() -> None:
    with pytest.raises(UsageError, match="one platform"):
        export_lock(LOCK, "explicit", platform=None, name="x")
    with pytest.raises(UsageError, match="has no win-64"):
        export_lock(LOCK, "explicit", platform="win-64", name="x")


@pytest.mark.parametrize("kind", ["conda-lock", "pixi", "explicit"])
def test_what_is_written_is_known_by_what_stands_in_it(kind: str) -> None:
    text = export_lock(LOCK, kind, platform="linux-64", name="x")
    assert read_lock(text.encode(), where="x").on("linux-64")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@EXPLICIT\nhttps://h.example/c/linux-64/a-1-0.conda\n", "has no hash"),
        ("@EXPLICIT\n/tmp/a\n", "is not the URL of a package"),
        (f"@EXPLICIT\nhttps://h.example/c/noarch/a-1-0.conda#{'0' * 32}\n", "which platform"),
        ("version: 6\nenvironments: {}\npackages: []\n", "there is no environment `default`"),
        ("version: 6\nenvironments: {default: {packages: {linux-64: [{conda: x}]}}}\npackages: []\n", "stands in no list"),
        ("version: 9\nenvironments: []\n", "not one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_locked_is_said(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        read_lock(text.encode(), where="x")


def test_export_of_an_environment_and_of_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.ask("lens")
    assert lab.run("export", "team/tiny", "--format", "explicit").code == 2
    lab.apply()
    done = lab.run("export", "team/tiny", "--format", "explicit")
    assert done.code == 0
    assert done.out.splitlines()[:2] == ["# platform: linux-64", "@EXPLICIT"]
    file = tmp_path / "pixi.lock"
    assert lab.run("export", "team/tiny", "--format", "pixi", "-o", str(file)).code == 0
    back = gitstore("export", str(file), "--format", "explicit")
    assert back.out == done.out
    assert lab.run("export", "team/tiny", "--format", "explicit", "--json").json["ok"]
    assert lab.run("export", "team/nothing", "--format", "explicit").code == 10
    assert set(FORMATS) == {
        "conda-lock",
        "explicit",
        "environment",
        "pixi",
        "pylock",
        "requirements",
    }
