"""Install wheels beside conda's packages, without running anything of either.

Files are fetched into the shared cache by their SHA-256, checked, and laid out as PEP 427 says by
PyPA's ``installer``. Scripts get the interpreter at the placeholder's path, as conda's do.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile

from gitstore import __version__
from gitstore.builders.prefix import PLACEHOLDER, PrefixedFile, StagedPrefix
from gitstore.errors import BuildError, TransientBuildError
from gitstore.files import adopt_file, disk_error, file_digest
from gitstore.model.channels import redact
from gitstore.model.lockfile import LockedPackage

_TIMEOUT = 60
_CHUNK = 1024 * 1024
_ATTEMPTS = 3
_PARALLEL = 8


def install_wheels(
    staged: StagedPrefix, packages: Sequence[LockedPackage], *, python: str | None, cache: Path
) -> StagedPrefix:
    """Install the PyPI half into a staged prefix; ``python`` is the version of the conda half's.

    Raises:
        BuildError: a file is not what the lockfile says, is no wheel, or collides with another.
        TransientBuildError: a file could not be fetched.
    """
    if python is None:
        raise BuildError("the lockfile has packages of PyPI and no Python")
    folder = cache / "wheels"
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        files = list(pool.map(lambda package: _fetch(package, folder), packages))
    below = f"lib/python{'.'.join(python.split('.')[:2])}/site-packages"
    scheme = {
        "purelib": str(staged.root / below),
        "platlib": str(staged.root / below),
        "scripts": str(staged.root / "bin"),
        "data": str(staged.root),
    }
    before = _scripts(staged.root)
    for package, file in zip(packages, files, strict=True):
        headers = str(staged.root / "include" / "site" / package.name)
        _install(package, file, {**scheme, "headers": headers})
    prefixed = [
        PrefixedFile(path=f"bin/{path.name}", source=path, placeholder=PLACEHOLDER, mode="text")
        for path in sorted(_scripts(staged.root) - before)
        if _has_placeholder(path)
    ]
    every = sorted((*staged.prefixed, *prefixed), key=lambda file: file.path)
    return StagedPrefix(root=staged.root, prefixed=tuple(every))


def _scripts(root: Path) -> set[Path]:
    folder = root / "bin"
    return {path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()


def _has_placeholder(path: Path) -> bool:
    with path.open("rb") as stream:
        return PLACEHOLDER.encode() in stream.read(4096)


def _install(package: LockedPackage, file: Path, scheme: dict[str, str]) -> None:
    try:
        with WheelFile.open(file) as source:
            _check_paths(package, (name for name, _, _ in _records(source)))
            destination = SchemeDictionaryDestination(
                scheme,
                interpreter=f"{PLACEHOLDER}/bin/python",
                script_kind="posix",
                bytecode_optimization_levels=(),
            )
            install(source, destination, {"INSTALLER": b"gitstore\n"})
    except FileExistsError as exc:
        raise BuildError(
            f"`{package.name}` of PyPI would overwrite a file of another package: {_tail(exc)}",
            hint="take one of the two out of the spec",
        ) from exc
    except OSError as exc:
        raise disk_error(exc, file) from exc
    except (InstallerError, ValueError, KeyError, AssertionError) as exc:
        raise BuildError(f"the wheel `{package.file_name}` cannot be installed: {exc}") from exc


def _records(source: WheelFile) -> Iterable[tuple[str, object, bool]]:
    for record, _, is_executable in source.get_contents():
        yield record[0], record, is_executable


def _check_paths(package: LockedPackage, names: Iterable[str]) -> None:
    """Refuse a wheel whose files would leave the environment."""
    for name in names:
        path = posixpath.normpath(name)
        if posixpath.isabs(path) or path.startswith("..") or "\\" in name or "\0" in name:
            raise BuildError(
                f"the wheel `{package.file_name}` has a file that leaves the environment",
                code="package-corrupt",
                hint="do not use it; tell the owner of the index",
            )


def _tail(exc: FileExistsError) -> str:
    return "/".join(str(exc).replace("\\", "/").split("/")[-3:])


def _fetch(package: LockedPackage, folder: Path) -> Path:
    """Return the package's file in the cache; fetched if it is not there, and always verified."""
    name = unquote(urlsplit(package.url).path.rpartition("/")[2])
    if not name.endswith(".whl") or package.url.startswith("git+"):
        raise BuildError(
            f"`{package.name}` {package.version} is no wheel, and this version builds no sources",
            hint="use a release that has a wheel",
        )
    # The installer reads facts from the file's name, so it keeps it.
    path = folder / package.sha256 / posixpath.basename(name)
    if path.is_file() and file_digest(path) == f"sha256:{package.sha256}":
        return path
    aside = folder / f"{package.sha256}.part-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _download(package, aside)
        if found != package.sha256:
            raise BuildError(
                f"`{package.file_name}` has sha256:{found}, not sha256:{package.sha256}",
                code="package-corrupt",
                hint="the index serves other bytes than it did: tell its owner, or lock anew",
            )
        adopt_file(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def _download(package: LockedPackage, aside: Path) -> str:
    """Fetch a URL into a file and return its SHA-256; a network may fail twice."""
    request = urllib.request.Request(  # noqa: S310  the scheme was judged with the lockfile
        package.url, headers={"User-Agent": f"conda-gitstore/{__version__}"}
    )
    for attempt in range(1, _ATTEMPTS + 1):
        hasher = hashlib.sha256()
        try:
            with (
                urllib.request.urlopen(request, timeout=_TIMEOUT) as answer,  # noqa: S310
                aside.open("wb") as stream,
            ):
                while chunk := answer.read(_CHUNK):
                    hasher.update(chunk)
                    stream.write(chunk)
            return hasher.hexdigest()
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as exc:
            gone = isinstance(exc, urllib.error.HTTPError) and exc.code < 500
            if attempt == _ATTEMPTS or gone:
                raise TransientBuildError(
                    f"`{package.file_name}` could not be fetched: {redact(str(exc))}",
                    where=redact(package.url),
                    code="pypi-unavailable",
                    hint="check the network and the index",
                ) from exc
    raise AssertionError("unreachable")
