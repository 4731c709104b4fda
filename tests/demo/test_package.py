from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gitstore.demo.package import (
    PLACEHOLDER,
    CondaPackage,
    Symlink,
    build_string,
    write_package,
)

PACKAGE = CondaPackage(
    name="sample",
    version="1.0",
    subdir="linux-64",
    depends=("libzlib >=1.2",),
    license="MIT",
    purls=("pkg:pypi/sample@1.0",),
    files={
        "bin/sample": f"#!{PLACEHOLDER}/bin/python\n".encode(),
        "lib/libsample.so.1.2": b"\x7fELF",
        "lib/libsample.so.1": Symlink("libsample.so.1.2"),
        "lib/deep/libsample.so": Symlink("../libsample.so.1"),
    },
    executable=frozenset({"bin/sample"}),
    prefix_files={"bin/sample": "text"},
    extra_index={"python_site_packages_path": "lib/python3.11/site-packages"},
)


def members_of(path: Path, part: str) -> tarfile.TarFile:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.startswith(f"{part}-"))
        data = zstandard.ZstdDecompressor().decompress(archive.read(name))
    return tarfile.open(fileobj=io.BytesIO(data))


def info_of(path: Path, name: str) -> Any:
    stream = members_of(path, "info").extractfile(f"info/{name}")
    assert stream is not None
    return json.load(stream)


def test_the_same_package_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_package(PACKAGE, tmp_path / "first")
    second = write_package(PACKAGE, tmp_path / "second")

    assert first.relative_to(tmp_path / "first") == Path("linux-64/sample-1.0-0.conda")
    assert first.read_bytes() == second.read_bytes()


def test_content_from_a_file_and_from_memory_are_the_same(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"data")
    packages = [
        CondaPackage(name="sample", version="1.0", files={"share/data": content})
        for content in (source, b"data")
    ]

    written = [write_package(one, tmp_path / str(i)) for i, one in enumerate(packages)]

    assert written[0].read_bytes() == written[1].read_bytes()


def test_format_version_comes_first_in_the_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_package(PACKAGE, tmp_path)) as archive:
        assert archive.namelist() == [
            "metadata.json",
            "pkg-sample-1.0-0.tar.zst",
            "info-sample-1.0-0.tar.zst",
        ]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_index_says_what_the_package_is(tmp_path: Path) -> None:
    index = info_of(write_package(PACKAGE, tmp_path), "index.json")

    assert index["depends"] == ["libzlib >=1.2"]
    assert (index["platform"], index["arch"]) == ("linux", "x86_64")
    assert index["purls"] == ["pkg:pypi/sample@1.0"]
    assert index["python_site_packages_path"] == "lib/python3.11/site-packages"
    assert "noarch" not in index
    assert "track_features" not in index


def test_package_without_platform_is_noarch_generic(tmp_path: Path) -> None:
    package = CondaPackage(name="sample", version="1.0")

    index = info_of(write_package(package, tmp_path), "index.json")

    assert (index["subdir"], index["noarch"]) == ("noarch", "generic")
    assert "platform" not in index


def test_paths_describe_links_by_what_they_lead_to(tmp_path: Path) -> None:
    paths = info_of(write_package(PACKAGE, tmp_path), "paths.json")["paths"]

    library, link, deep = (
        next(entry for entry in paths if entry["_path"] == path)
        for path in ("lib/libsample.so.1.2", "lib/libsample.so.1", "lib/deep/libsample.so")
    )
    assert library["path_type"] == "hardlink"
    assert link["path_type"] == deep["path_type"] == "softlink"
    assert link["sha256"] == deep["sha256"] == library["sha256"]


def test_prefix_files_are_recorded_with_their_placeholder(tmp_path: Path) -> None:
    path = write_package(PACKAGE, tmp_path)

    entry = info_of(path, "paths.json")["paths"][0]
    has_prefix = members_of(path, "info").extractfile("info/has_prefix")

    assert (entry["file_mode"], entry["prefix_placeholder"]) == ("text", PLACEHOLDER)
    assert has_prefix is not None
    assert has_prefix.read().decode() == f'"{PLACEHOLDER}" text "bin/sample"\n'


def test_payload_keeps_links_and_executables_and_belongs_to_root(tmp_path: Path) -> None:
    payload = members_of(write_package(PACKAGE, tmp_path), "pkg")

    assert payload.getmember("bin/sample").mode == 0o755
    assert payload.getmember("lib/libsample.so.1.2").mode == 0o644
    assert payload.getmember("lib/libsample.so.1").linkname == "libsample.so.1.2"
    assert {member.uname for member in payload.getmembers()} == {"root"}


def test_python_package_declares_its_entry_points(tmp_path: Path) -> None:
    package = CondaPackage(
        name="sample", version="1.0", noarch="python", entry_points=("sample = sample:main",)
    )

    link = info_of(write_package(package, tmp_path), "link.json")

    assert link["noarch"] == {"type": "python", "entry_points": ["sample = sample:main"]}


def test_placeholder_is_as_long_as_conda_builds() -> None:
    assert len(PLACEHOLDER) == 255


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([b"one", b"other"], id="content"),
        pytest.param([b"onetwo"], id="border"),
        pytest.param([b"one", Symlink("two")][::-1], id="order"),
    ],
)
def test_build_string_differs_with_its_sources(other: list[bytes]) -> None:
    assert build_string(b"one", b"two") != build_string(*other)
    assert build_string(b"one", before="py311").startswith("py311h")
