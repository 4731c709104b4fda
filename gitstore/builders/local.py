"""Build on this machine: install, pack, test, in that order, each step timed and logged."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitstore.builders.archive import MEDIA_TYPE, PackedFile, pack_prefix, unpack_into
from gitstore.builders.prefix import PLACEHOLDER, StagedPrefix, install_prefix
from gitstore.builders.sandbox import has_bubblewrap, run_in_prefix
from gitstore.builders.unpack import activate_script, deactivate_script, unpack_script
from gitstore.errors import BuildError, TransientBuildError
from gitstore.files import remove_tree, write_file
from gitstore.model.work import BuildRequest, BuildResult, BuiltArtifact, Phase, TestRun

# Compressed packages, unpacked in the cache, linked or copied, and packed again.
_DISK_FACTOR = 6
_DEFAULT_TEST = 'python -c "import sys"'


class LocalBuilder:
    """The Builder of one machine."""

    def build(self, request: BuildRequest) -> BuildResult:
        """Make the artifacts of one platform's content in ``request.work``.

        Raises:
            BuildError: as its ``code`` says; the work folder is the caller's to remove.
        """
        work = Path(request.work)
        _check_disk(request, work)
        phases: list[Phase] = []
        log = _Log()
        with _timed(phases, "link"):
            conda = [package for package in request.packages if package.manager == "conda"]
            staged = install_prefix(
                conda,
                platform=request.platform,
                root=work / "prefix",
                cache=Path(request.cache),
                variables=request.variables,
                network=request.network,
            )
            staged = _with_wheels(staged, request)
            _add_scripts(staged, request)
        log.say(f"linked {len(request.packages)} packages for {request.platform}")
        for package in request.packages:
            log.say(f"  {package.name} {package.version} {package.build}")
        started = time.monotonic()
        packed = pack_prefix(staged, work / "archive")
        phases.append(Phase(name="pack", seconds=time.monotonic() - started, bytes=packed.tar_size))
        log.say(f"packed {packed.tar_size:,} bytes into {packed.size:,}")
        with _timed(phases, "test"):
            tests, sandbox = _run_tests(request, staged, packed, log)
        return BuildResult(
            artifacts=(_artifact(request, packed),),
            phases=tuple(phases),
            tests=tests,
            sandbox=sandbox,
            log=log.text,
            usage={
                "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "disk": packed.tar_size + packed.size,
            },
        )


class _Log:
    """What a build tells, without a word about the machine: no paths, names or times."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, line: str) -> None:
        self.text += f"{line}\n"


@contextmanager
def _timed(phases: list[Phase], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    phases.append(Phase(name=name, seconds=time.monotonic() - started))


def _with_wheels(staged: StagedPrefix, request: BuildRequest) -> StagedPrefix:
    """Install the PyPI half, where there is one."""
    wheels = [package for package in request.packages if package.manager == "pip"]
    if not wheels:
        return staged
    from gitstore.builders.wheels import install_wheels  # noqa: PLC0415  loads a web client

    python = next((p.version for p in request.packages if p.name == "python"), None)
    return install_wheels(staged, wheels, python=python, cache=Path(request.cache))


def _check_disk(request: BuildRequest, work: Path) -> None:
    """Refuse to begin what cannot fit."""
    if request.expected_bytes is None:
        return
    need = request.expected_bytes * _DISK_FACTOR
    free = shutil.disk_usage(work).free
    if free < need:
        raise TransientBuildError(
            f"the build needs about {need / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free",
            where=str(work),
            hint="free some room; `cache/` may be deleted at any time",
            code="disk-space",
        )


def _add_scripts(staged: StagedPrefix, request: BuildRequest) -> None:
    scripts = {
        "conda-unpack": unpack_script(staged.prefixed),
        "activate": activate_script(request.variables),
        "deactivate": deactivate_script(request.variables),
    }
    for name, data in scripts.items():
        file = staged.root / "bin" / name
        # A package may bring a file of that name, linked to the cache: never write through it.
        file.unlink(missing_ok=True)
        write_file(file, data, durable=False)
        file.chmod(0o755 if name == "conda-unpack" else 0o644)


def _artifact(request: BuildRequest, packed: PackedFile) -> BuiltArtifact:
    return BuiltArtifact(
        kind="archive",
        media_type=MEDIA_TYPE,
        name=f"{request.stem}-{request.platform}.tar.zst",
        path=str(packed.path),
        digest=packed.digest,
        uncompressed=packed.uncompressed,
        size=packed.size,
    )


def _run_tests(
    request: BuildRequest, staged: StagedPrefix, packed: PackedFile, log: _Log
) -> tuple[tuple[TestRun, ...], str]:
    """Run the spec's smoke tests, or see that Python starts where there is one."""
    commands = request.recipe.tests
    if not commands and any(package.name == "python" for package in request.packages):
        commands = (_DEFAULT_TEST,)
    if not commands:
        return (), "none"
    sandboxed = has_bubblewrap()
    work = Path(request.work)
    root, at = staged.root, PLACEHOLDER
    if not sandboxed:
        root = work / "unpacked"
        _unpack_for_tests(packed.path, root)
        at = str(root)
    runs = []
    for command in commands:
        outcome = run_in_prefix(
            command,
            root=root,
            at=at,
            home=work / "home",
            variables=request.variables,
            sandboxed=sandboxed,
        )
        runs.append(TestRun(command=command, exit_code=outcome.exit_code, seconds=outcome.seconds))
        log.say(f"$ {command}")
        log.say(outcome.output.replace(str(work), "WORK") + f"exit code {outcome.exit_code}")
        if outcome.exit_code != 0:
            raise _failed_test(command, outcome.exit_code, log)
    if not sandboxed:
        remove_tree(root)
    return tuple(runs), "bubblewrap" if sandboxed else "unsandboxed"


def _unpack_for_tests(archive: Path, root: Path) -> None:
    root.mkdir()
    unpack_into(archive, root)
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(root / "bin" / "conda-unpack")],
        capture_output=True,
        check=False,
        env={},
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise BuildError(f"`conda-unpack` failed: {said}")


def _failed_test(command: str, code: int, log: _Log) -> BuildError:
    shown = command if len(command) <= 100 else command[:97] + "..."
    error = BuildError(
        f"the smoke test `{shown}` ended with exit code {code}",
        hint="mend the test under `gitstore: {tests: …}`, or the dependencies",
        code="test-failed",
    )
    error.log = "\n".join(log.text.splitlines()[-40:])
    return error
