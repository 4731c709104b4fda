"""Archives of a real Python: deterministic, relocatable, and conda-pack agrees."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitstore.builders import sandbox
from gitstore.builders.archive import pack_prefix
from gitstore.builders.local import LocalBuilder
from gitstore.builders.prefix import PLACEHOLDER, install_prefix
from gitstore.errors import BuildError, TransientBuildError
from gitstore.model.identity import Recipe
from gitstore.model.lockfile import LockedPackage, constraints_of
from gitstore.model.platforms import virtual_packages_for
from gitstore.model.work import BuildRequest, Network, PlatformRequest, SolveRequest
from gitstore.tasks import solve_task

PROBE = "import ctypes, numpy, readline, sqlite3, ssl, sys; print(sys.prefix)"


def solve(channel: str, *specs: str) -> tuple[LockedPackage, ...]:
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28").split()[1]
    virtual = virtual_packages_for("linux-64", {"linux-64": {"__glibc": glibc}})
    request = SolveRequest(
        environment="x",
        channels=(channel,),
        channel_priority="strict",
        platforms=(
            PlatformRequest(platform="linux-64", virtual_packages=virtual, dependencies=specs),
        ),
        platforms_asked=True,
    )
    solution = solve_task("/nonexistent/never-written", request)
    return tuple(
        LockedPackage(
            name=one.name,
            version=one.version,
            platform="linux-64",
            url=one.url,
            sha256=one.sha256,
            md5=one.md5,
            depends=constraints_of(one.depends),
        )
        for one in solution.platforms["linux-64"]
    )


def request(
    packages: tuple[LockedPackage, ...], work: Path, cache: Path, **more: object
) -> BuildRequest:
    values: dict[str, object] = {
        "environment": "x",
        "platform": "linux-64",
        "content": "sha256:0",
        "recipe": Recipe(kinds=("archive",)),
        "stem": "x-1",
        "packages": packages,
        "variables": {},
        "work": str(work),
        "cache": str(cache),
        **more,
    }
    work.mkdir(parents=True)
    return BuildRequest(**values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def packages(real_channel: str) -> tuple[LockedPackage, ...]:
    return solve(real_channel, "python", "numpy", "pip", "prefix-probe", "activate-me")


@pytest.fixture(scope="session")
def archive(
    packages: tuple[LockedPackage, ...], cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    work = tmp_path_factory.mktemp("build") / "work"
    variables = {"GREETING": 'it\'s "quoted" $HOME\nand long'}
    result = LocalBuilder().build(request(packages, work, cache, variables=variables))
    return Path(result.artifacts[0].path)


def unpack(archive: Path, place: Path) -> Path:
    """Unpack with the plain `tar` of the machine."""
    place.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", UNZSTD, str(archive)], stdout=subprocess.PIPE
    ) as plain:
        subprocess.run(["tar", "-x", "-C", str(place)], stdin=plain.stdout, check=True)
    return place


UNZSTD = (
    "import sys, zstandard\n"
    "with open(sys.argv[1], 'rb') as f: zstandard.ZstdDecompressor().copy_stream(f, sys.stdout.buffer)"
)


def output(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.network
@pytest.mark.parametrize("folder", ["short", "longest", "with space"])
def test_tar_unpacks_it_and_it_runs_anywhere(archive: Path, tmp_path: Path, folder: str) -> None:
    if folder == "longest":
        # A binary has room for a prefix of 255 characters and no more.
        folder = "x" * 100
        folder += "/" + "y" * (254 - len(f"{tmp_path}/{folder}/"))
    prefix = unpack(archive, tmp_path / folder)
    output(prefix / "bin" / "conda-unpack")
    assert output(prefix / "bin" / "python", "-c", PROBE) == str(prefix)
    assert str(prefix) in output(
        prefix / "bin" / "pip",
        "--version",
        PATH=f"{prefix}/bin:/usr/bin:/bin",
        HOME=str(tmp_path),
    )
    left = [
        path
        for path in prefix.rglob("*")
        if path.is_file() and not path.is_symlink() and PLACEHOLDER.encode() in path.read_bytes()
    ]
    assert [path.name for path in left] == ["conda-unpack"]


@pytest.mark.network
def test_binary_files_keep_their_length_and_end(archive: Path, tmp_path: Path) -> None:
    prefix = unpack(archive, tmp_path / "env")
    data = prefix / "share" / "prefix-probe" / "data.bin"
    before = data.read_bytes()
    output(prefix / "bin" / "conda-unpack")
    after = data.read_bytes()
    assert len(after) == len(before)
    assert after.endswith(b"\0end")
    assert f"{prefix}/share\0".encode() in after


@pytest.mark.network
def test_activation_works_in_every_shell(archive: Path, tmp_path: Path) -> None:
    prefix = unpack(archive, tmp_path / "env")
    script = (
        f'. "{prefix}/bin/activate"; printf "%s|%s|%s|%s" "$CONDA_PREFIX" "$ACTIVATED_IN" "$GREETING" '
        f'"$(command -v python)"; . "{prefix}/bin/deactivate"; printf "|%s|%s" "$CONDA_PREFIX" "$GREETING"'
    )
    greeting = 'it\'s "quoted" $HOME\nand long'
    expected = f"{prefix}|{prefix}|{greeting}|{prefix}/bin/python||"
    shells = [name for name in ("bash", "zsh") if shutil.which(name)]
    assert "bash" in shells
    for shell in shells:
        assert output(shutil.which(shell) or "", "-c", script, PATH="/usr/bin:/bin") == expected


@pytest.mark.network
def test_the_conda_pack_program_packs_it_again_and_that_runs(archive: Path, tmp_path: Path) -> None:
    prefix = unpack(archive, tmp_path / "env")
    output(prefix / "bin" / "conda-unpack")
    again = tmp_path / "again.tar.gz"
    done = subprocess.run(
        [sys.executable, "-m", "conda_pack.cli", "--prefix", str(prefix), "-o", str(again), "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other"
    other.mkdir()
    subprocess.run(["tar", "-xzf", str(again), "-C", str(other)], check=True)
    output(other / "bin" / "python", other / "bin" / "conda-unpack", PATH=f"{other}/bin")
    assert output(other / "bin" / "python", "-c", PROBE) == str(other)


@pytest.mark.network
def test_conda_packs_own_unpacker_reads_our_records(archive: Path, tmp_path: Path) -> None:
    """The table has conda-pack's shape: path, placeholder, mode."""
    from conda_pack import prefixes

    prefix = unpack(archive, tmp_path / "env")
    text = (prefix / "bin" / "conda-unpack").read_text()
    table = json.loads(text.split('RECORDS = json.loads(r"""')[1].split('""")')[0])
    for path, placeholder, mode in table:
        prefixes.update_prefix(str(prefix / path), str(prefix), placeholder, mode)
    assert output(prefix / "bin" / "python", "-c", PROBE) == str(prefix)


@pytest.mark.network
def test_the_same_content_gives_the_same_bytes(
    packages: tuple[LockedPackage, ...], cache: Path, tmp_path: Path
) -> None:
    """From another folder, with a cold cache, in another order, at another time."""
    first = LocalBuilder().build(request(packages, tmp_path / "a", cache))
    second = LocalBuilder().build(
        request(packages[::-1], tmp_path / "elsewhere" / "b", tmp_path / "cold")
    )
    assert [a.digest for a in first.artifacts] == [a.digest for a in second.artifacts]
    assert [a.uncompressed for a in first.artifacts] == [a.uncompressed for a in second.artifacts]
    data = Path(first.artifacts[0].path).read_bytes()
    assert first.artifacts[0].digest == f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.network
def test_nothing_inside_tells_of_this_machine(archive: Path, tmp_path: Path) -> None:
    prefix = unpack(archive, tmp_path / "env")
    records = list((prefix / "conda-meta").glob("*.json"))
    assert records
    for record in records:
        data = json.loads(record.read_text())
        assert data["link"] == {"source": "", "type": 1}
        assert "extracted_package_dir" not in data
        assert str(tmp_path.parent.parent) not in record.read_text().replace(
            data["url"], ""
        ).replace(data["channel"], "")
        assert record.stat().st_mode & 0o777 == 0o644


@pytest.mark.network
@pytest.mark.parametrize(
    "sandboxed", [pytest.param(True, marks=pytest.mark.component("bubblewrap")), False]
)
def test_smoke_tests_can_neither_write_nor_reach_out(
    packages: tuple[LockedPackage, ...],
    cache: Path,
    tmp_path: Path,
    sandboxed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    if not sandboxed:
        monkeypatch.setattr("gitstore.builders.local.has_bubblewrap", lambda: False)
    else:
        assert sandbox.has_bubblewrap()
    tests = (
        'test -z "$AWS_SECRET_ACCESS_KEY"',
        "python -c \"import numpy, sys; assert not list(__import__('pathlib').Path(sys.prefix)"
        ".rglob('__pycache__'))\"",
        *(
            (
                "! touch $CONDA_PREFIX/x 2>/dev/null",
                "! touch /usr/x 2>/dev/null",
                f"! test -e {tmp_path}",
                "! python -c \"import socket; socket.create_connection(('127.0.0.1', 22), 1)\" 2>/dev/null",
            )
            if sandboxed
            else ()
        ),
    )
    result = LocalBuilder().build(
        request(packages, tmp_path / "work", cache, recipe=Recipe(kinds=("archive",), tests=tests))
    )
    assert [run.exit_code for run in result.tests] == [0] * len(tests)
    assert result.sandbox == ("bubblewrap" if sandboxed else "unsandboxed")


def test_a_test_that_hangs_is_stopped(tmp_path: Path) -> None:
    outcome = sandbox.run_in_prefix(
        "sleep 60",
        root=tmp_path,
        at=str(tmp_path),
        home=tmp_path / "home",
        variables={},
        sandboxed=False,
        timeout=0.3,
    )
    assert outcome.exit_code == 124
    assert "stopped after" in outcome.output


def test_what_cannot_fit_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(TransientBuildError, match="GB free") as caught:
        LocalBuilder().build(request((), tmp_path / "w", tmp_path, expected_bytes=10**15))
    assert caught.value.code == "disk-space"


@pytest.mark.component("mount")
def test_a_full_disk_is_said_and_leaves_nothing(tiny_channel: str, tmp_path: Path) -> None:
    """On a real file system of 256 KiB."""
    packages = solve(tiny_channel, "camera")
    small = tmp_path / "small"
    small.mkdir()
    script = (
        f"mount -t tmpfs -o size=256k tmpfs {small} && exec {sys.executable} -c "
        f'\'import sys; from tests.builders.test_archive import fill; sys.exit(fill("{small}", "{tiny_channel}"))\''
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert packages
    assert done.returncode == 0, done.stdout + done.stderr
    assert "disk-space" in done.stdout


def fill(folder: str, channel: str) -> int:
    """Build on a disk that is too small; print the error's code."""
    root = Path(folder)
    (root / "ballast").write_bytes(bytes(200 * 1024))
    try:
        LocalBuilder().build(request(solve(channel, "camera"), root / "w", root / "cache"))
    except BuildError as exc:
        print(exc.code, exc.message)
        sys.stdout.flush()
        os._exit(0)
    os._exit(1)


def test_links_that_leave_the_environment_are_refused(tiny_channel: str, tmp_path: Path) -> None:
    staged = install_prefix(
        solve(tiny_channel, "lens"),
        platform="linux-64",
        root=tmp_path / "prefix",
        cache=tmp_path / "cache",
        variables={},
        network=Network(),
    )
    (staged.root / "bad").symlink_to("../../etc/passwd")
    with pytest.raises(BuildError, match="leaves the environment"):
        pack_prefix(staged, tmp_path / "archive")
