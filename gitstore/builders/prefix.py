"""Install locked packages into a staging folder, as if it stood at its placeholder path.

py-rattler downloads in parallel, verifies every hash and links from the shared cache. The path
that it writes into files is ``PLACEHOLDER``, which ``conda-unpack`` replaces later. Nothing of
the result tells where or when it was made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import rattler

from gitstore.errors import BuildError, TransientBuildError
from gitstore.files import file_digest, write_file
from gitstore.model.canonical import pretty_json
from gitstore.model.channels import redact
from gitstore.model.lockfile import LockedPackage
from gitstore.model.work import Network
from gitstore.network import channel_client

# Short enough that a `#!` line with it is kept as it is (the kernel reads 127 bytes), and like
# nothing that a text file says by chance.
PLACEHOLDER = "/opt/gitstore_placehold"
# Fields of a conda-meta record that tell of the machine that installed it.
_LOCAL_FIELDS = ("extracted_package_dir", "package_tarball_full_path", "requested_spec")
_INDEX_FIELDS = (
    "build_number",
    "constrains",
    "license",
    "license_family",
    "timestamp",
    "track_features",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixedFile:
    """A file with a prefix inside: ``source`` has the bytes to pack, ``placeholder`` in them."""

    path: str
    source: Path
    placeholder: str
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedPrefix:
    """An installed prefix at ``root``, with the files that ``conda-unpack`` has to rewrite."""

    root: Path
    prefixed: tuple[PrefixedFile, ...]


def install_prefix(
    packages: Sequence[LockedPackage],
    *,
    platform: str,
    root: Path,
    cache: Path,
    variables: Mapping[str, str],
    network: Network,
) -> StagedPrefix:
    """Install ``packages`` into ``root`` and make its metadata tell nothing of this machine.

    Raises:
        BuildError: a package is not what the lockfile says (``package-corrupt``), or is broken.
        TransientBuildError: a package could not be fetched.
    """
    _verify_local_files(packages)
    root.mkdir(parents=True)
    try:
        asyncio.run(
            rattler.install(
                [_record_of(package) for package in packages],
                root,
                cache_dir=cache / "packages",
                installed_packages=[],
                platform=rattler.Subdir(platform),
                execute_link_scripts=False,
                show_progress=False,
                client=channel_client(network),
                alternative_target_prefix=PLACEHOLDER,
            )
        )
    except (rattler.exceptions.InstallerError, rattler.exceptions.LinkError, OSError) as exc:
        raise _install_error(exc) from exc
    (root / "CACHEDIR.TAG").unlink(missing_ok=True)
    prefixed = _normalise_metadata(root)
    write_file(root / "conda-meta" / "history", b"", durable=False)
    if variables:
        state = {"env_vars": dict(sorted(variables.items())), "version": 1}
        write_file(root / "conda-meta" / "state", pretty_json(state), durable=False)
    return StagedPrefix(root=root, prefixed=tuple(sorted(prefixed, key=lambda f: f.path)))


def _verify_local_files(packages: Sequence[LockedPackage]) -> None:
    """Hash packages that come from a folder: the engine verifies only what it downloads."""
    local = [package for package in packages if package.url.startswith("file://")]
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(_verify_local_file, local):
            pass


def _verify_local_file(package: LockedPackage) -> None:
    file = Path(url2pathname(urlsplit(package.url).path))
    try:
        found = file_digest(file)
    except OSError as exc:
        raise TransientBuildError(
            f"`{package.file_name}` cannot be read: {exc.strerror}",
            where=str(file),
            code="channel-unavailable",
        ) from exc
    if found != f"sha256:{package.sha256}":
        raise _corrupt(f"`{package.file_name}` has {found}, not sha256:{package.sha256}")


def _corrupt(said: str) -> BuildError:
    return BuildError(
        f"a package does not have the hash that the lockfile names: {said}",
        code="package-corrupt",
        hint="the channel serves other bytes than it did: tell its owner, or lock anew",
    )


def _record_of(package: LockedPackage) -> Any:
    """Return the record that the installer needs; the package itself says the rest."""
    subdir = package.url.rsplit("/", 2)[-2]
    number = package.build.rpartition("_")[2]
    record = rattler.PackageRecord(
        name=package.name,
        version=package.version,
        build=rattler.BuildString(package.build),
        build_number=int(number) if number.isdigit() else 0,
        subdir=subdir,
        depends=[f"{name} {text}".strip() for name, text in sorted(package.depends.items())],
        sha256=bytes.fromhex(package.sha256),
        md5=bytes.fromhex(package.md5) if package.md5 else None,
    )
    return rattler.RepoDataRecord(
        package_record=record,
        file_name=package.file_name,
        url=package.url,
        channel=package.url.rsplit("/", 2)[0] + "/",
    )


def _install_error(exc: Exception) -> BuildError:
    said = redact(str(exc)).strip()
    lowered = said.lower()
    if any(word in lowered for word in ("checksum", "hash mismatch", "sha256")):
        return _corrupt(said)
    if "no space left" in lowered:
        return TransientBuildError(f"the disk is full: {said}", code="disk-space")
    if any(
        word in lowered
        for word in ("failed to fetch", "error sending request", "status", "connect")
    ):
        return TransientBuildError(
            f"a package could not be fetched: {said}", code="channel-unavailable"
        )
    return BuildError(f"the packages cannot be installed: {said}")


def _normalise_metadata(root: Path) -> list[PrefixedFile]:
    """Rewrite ``conda-meta``: authoritative package facts in, everything of this machine out."""
    prefixed: list[PrefixedFile] = []
    for file in sorted((root / "conda-meta").glob("*.json")):
        record = json.loads(file.read_bytes())
        extracted = Path(record["extracted_package_dir"])
        index = json.loads((extracted / "info" / "index.json").read_bytes())
        for field in _LOCAL_FIELDS:
            record.pop(field, None)
        # As conda-pack leaves it, which reads this field again when it packs the prefix anew.
        record["link"] = {"source": "", "type": 1}
        record["requested_specs"] = []
        record.update({key: index[key] for key in _INDEX_FIELDS if index.get(key) is not None})
        if index.get("noarch") is not None:
            record["noarch"] = index["noarch"]
        for path in record["paths_data"]["paths"]:
            prefixed += _prefixed_file(root, extracted, path)
        record["files"] = sorted(record["files"])
        file.unlink()
        write_file(file, pretty_json(record), durable=False)
    return prefixed


def _prefixed_file(root: Path, extracted: Path, entry: dict[str, Any]) -> list[PrefixedFile]:
    """Say what holds a prefix: text has ours in it; a binary is packed as the package has it.

    A binary keeps the package's own long placeholder, since a short path written into it leaves
    no room for a longer one later.
    """
    path = entry["_path"]
    placeholder, mode = entry.get("prefix_placeholder"), entry.get("file_mode")
    if placeholder is not None:
        # True at the placeholder's path only, so no hash for anybody to check against.
        entry.pop("sha256_in_prefix", None)
        if mode == "binary":
            source = _packaged(extracted, path)
            return [PrefixedFile(path=path, source=source, placeholder=placeholder, mode="binary")]
        return [PrefixedFile(path=path, source=root / path, placeholder=PLACEHOLDER, mode="text")]
    if entry["path_type"] == "unix_python_entry_point":
        entry.pop("sha256", None)
        return [PrefixedFile(path=path, source=root / path, placeholder=PLACEHOLDER, mode="text")]
    return []


def _packaged(extracted: Path, path: str) -> Path:
    """Find a file in its extracted package; noarch Python packages lie differently there."""
    direct = extracted / path
    if direct.exists():
        return direct
    folder, _, rest = path.partition("/site-packages/")
    found = extracted / "site-packages" / rest if rest else extracted / "python-scripts" / path[4:]
    if not found.exists():
        raise BuildError(
            f"`{path}` is in no file of its package ({folder})", code="package-corrupt"
        )
    return found
