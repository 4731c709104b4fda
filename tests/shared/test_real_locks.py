"""A hundred real lockfiles: what we read of them is what an independent reader reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rattler

from gitstore.errors import SpecError
from gitstore.formats.pixi import pixi_environments, read_pixi_lock
from gitstore.formats.read import read_lock
from gitstore.model.lockfile import render_lockfile
from gitstore.model.lockread import parse_lockfile

pytestmark = pytest.mark.shared
_VERSION = re.compile(rb"^version: *(\d+)", re.MULTILINE)


def files_of(shared: Path, *versions: int) -> list[Path]:
    found = []
    for file in sorted((shared / "locks").iterdir()):
        match = _VERSION.search(file.read_bytes())
        if match and int(match[1]) in versions:
            found.append(file)
    return found


def test_conda_locks_are_read_as_conda_lock_itself_reads_them(shared: Path) -> None:
    files = files_of(shared, 1)
    assert len(files) == 19
    script = (
        "import json, pathlib, sys, conda_lock.lockfile as m\n"
        "for path in sys.argv[1:]:\n"
        "    lock = m.parse_conda_lock_file(pathlib.Path(path))\n"
        "    print(json.dumps(sorted([p.manager, p.name, p.version, p.platform, p.url,"
        " p.hash.sha256 or '', p.hash.md5 or '', next(iter(p.categories), 'main')]"
        " if hasattr(p, 'categories') else [p.manager, p.name, p.version, p.platform, p.url,"
        " p.hash.sha256 or '', p.hash.md5 or '', p.category] for p in lock.package)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for file, line in zip(files, done.stdout.splitlines(), strict=True):
        lock = parse_lockfile(file.read_bytes(), where=file.name)
        ours = sorted(
            [p.manager, p.name, p.version, p.platform, p.url, p.sha256, p.md5]
            for p in lock.packages
        )
        theirs = sorted(entry[:7] for entry in json.loads(line))
        unique = sorted(map(list, {tuple(entry) for entry in ours}))
        assert unique == sorted(map(list, {tuple(entry) for entry in theirs})), file.name


def test_conda_locks_written_by_us_are_the_same_model(shared: Path) -> None:
    for file in files_of(shared, 1):
        lock = parse_lockfile(file.read_bytes(), where=file.name)
        again = parse_lockfile(render_lockfile(lock), where=file.name)
        assert again == lock, file.name


def test_pixi_locks_are_read_as_rattler_reads_them(shared: Path) -> None:
    files = files_of(shared, 4, 5, 6, 7)
    assert len(files) >= 85
    compared = 0
    for file in files:
        data = file.read_bytes()
        theirs = rattler.LockFile.from_path(file)
        for name, environment in theirs.environments():
            try:
                lock = read_pixi_lock(data, where=file.name, environment=name, strict=False)
            except SpecError as exc:
                pytest.fail(f"{file.name}, {name}: {exc.message}")
            for platform in environment.platforms():
                conda = {
                    (str(r.url), (r.sha256 or b"").hex(), (r.md5 or b"").hex(), r.name.normalized, str(r.version))
                    for r in environment.conda_repodata_records_for_platform(platform) or []
                    if "://" in str(r.url) and (r.sha256 or r.md5)
                }  # fmt: skip
                ours = {
                    (p.url, p.sha256, p.md5, p.name, p.version)
                    for p in lock.on(str(platform))
                    if p.manager == "conda"
                }
                assert ours == conda, (file.name, name, str(platform))
                compared += len(ours)
        assert set(pixi_environments(data)) == {name for name, _ in theirs.environments()}
    assert compared > 20_000


def test_every_lock_is_read_or_refused_in_one_line(shared: Path) -> None:
    said: list[str] = []
    for file in sorted((shared / "locks").iterdir()):
        try:
            read_lock(file.read_bytes(), where=file.name)
        except SpecError as exc:
            said.append(exc.message)
    # Folders, packages that pixi builds itself, no environment `default`, and rattler's version 3.
    assert len(said) <= 45
    assert not any("\n" in message for message in said)
