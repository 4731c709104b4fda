"""The channel of `gitstore demo` and of the tests, made from this machine and PyPI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gitstore.demo.handmade import awkward_packages, tiny_packages
from gitstore.demo.interpreter import inspect_interpreter, python_packages
from gitstore.demo.libraries import (
    certificates_package,
    find_libraries,
    is_elf,
    library_packages,
    tzdata_package,
)
from gitstore.demo.package import TIMESTAMP, CondaPackage, index_channel, write_package
from gitstore.demo.wheels import (
    EXPECTED_LIBRARIES,
    Report,
    download_wheels,
    ignore,
    wheel_package,
)
from gitstore.errors import GitstoreError

# A data environment and a command-line one, each with what it depends on.
DEFAULT_REQUIREMENTS = ("numpy", "pandas", "click", "requests", "rich", "pip")
# Enough for environments of more than 60 packages.
TEST_REQUIREMENTS = (
    *DEFAULT_REQUIREMENTS,
    *("ipykernel", "jinja2", "packaging", "psutil", "pytz", "pyyaml", "setuptools", "six"),
    *("typing-extensions", "wheel"),
)
# One older version of a few, without what they depend on, so that updates have work to do.
OLD_REQUIREMENTS = (
    *("certifi==2024.2.2", "click==8.1.7", "idna==3.7", "packaging==24.0", "pip==24.0"),
    *("requests==2.31.0", "rich==13.7.1", "six==1.16.0", "urllib3==2.2.1"),
)
_DATA = ("certifi", "tzdata")
_YEAR = 365 * 24 * 3600 * 1000


def make_channel(
    out: Path,
    *,
    executable: Path | None = None,
    requirements: Sequence[str] = DEFAULT_REQUIREMENTS,
    older: Sequence[str] = OLD_REQUIREMENTS,
    wheels: Path | None = None,
    report: Report = ignore,
) -> Path:
    """Make a channel with Python, what ``requirements`` need and the packages made by hand.

    ``executable`` is the interpreter to package, the running one unless told; ``wheels`` a
    folder that keeps what comes from PyPI for the next time.
    """
    with _staging(out) as stage:
        interpreter = inspect_interpreter(executable or Path(sys.executable))
        report(f"packaging Python {interpreter.version} and its libraries")
        system = python_packages(interpreter.executable, stage)
        report(f"fetching wheels for Python {interpreter.series}")
        fetch = partial(
            download_wheels, python_version=interpreter.version, cache=wheels, report=report
        )
        current = fetch([*requirements, *_DATA], destination=stage / "wheels")
        outdated = fetch(older, destination=stage / "older", dependencies=False)
        report(f"converting {len(current) + len(outdated)} wheels")
        convert = partial(
            wheel_package,
            python_version=interpreter.version,
            subdir=interpreter.subdir,
            stage=stage / "unpacked",
        )
        converted = [
            *(convert(wheel) for wheel in current),
            *(convert(wheel, timestamp=TIMESTAMP - _YEAR) for wheel in outdated),
        ]
        packages = [
            *system,
            *_expected_libraries(converted, interpreter.subdir, stage),
            *_data_packages(current),
            *converted,
            *tiny_packages(interpreter.subdir),
            *awkward_packages(interpreter.subdir),
        ]
        _write_channel(packages, stage / "channel", report)
        (stage / "channel").rename(out)
    return out


def make_tiny_channel(out: Path, *, subdir: str = "linux-64") -> Path:
    """Make a channel of nothing but the packages made by hand, in a fraction of a second."""
    with _staging(out) as stage:
        packages = [*tiny_packages(subdir), *awkward_packages(subdir)]
        _write_channel(packages, stage / "channel", ignore)
        (stage / "channel").rename(out)
    return out


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` for everything half done; it goes, whatever happens."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise GitstoreError(f"`{out}` exists already", hint="name a new folder for the channel")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".channel-", dir=out.parent) as stage:
        yield Path(stage)


def _expected_libraries(
    converted: Sequence[CondaPackage], subdir: str, stage: Path
) -> list[CondaPackage]:
    """The libraries that binary wheels expect of the machine."""
    contents = (content for package in converted for content in package.files.values())
    binaries = [path for path in contents if isinstance(path, Path) and is_elf(path)]
    found = [one for one in find_libraries(binaries) if one.soname in EXPECTED_LIBRARIES]
    return library_packages(found, subdir, stage)


def _data_packages(wheels: Sequence[Path]) -> list[CondaPackage]:
    by_name = {wheel.name.partition("-")[0]: wheel for wheel in wheels}
    return [certificates_package(by_name["certifi"]), tzdata_package(by_name["tzdata"])]


def _write_channel(packages: Sequence[CondaPackage], channel: Path, report: Report) -> None:
    distinct = {(package.subdir, package.stem): package for package in reversed(packages)}
    # Compression lets go of the interpreter lock: two threads keep two cores busy.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        writing = {
            pool.submit(write_package, package, channel): package for package in distinct.values()
        }
        for done, future in enumerate(as_completed(writing), start=1):
            report(f"wrote {future.result().name} ({done} of {len(writing)})")
    report("indexing the channel")
    index_channel(channel)
