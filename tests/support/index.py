"""A small package index (PEP 503) of wheels made here, to be served by `web.serving`."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

_MTIME = (2026, 1, 1, 0, 0, 0)


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
    files: dict[str, str] | None = None,
    script: str | None = None,
) -> Path:
    """Write a wheel whose module says its version, with a console script if asked for."""
    module = name.replace("-", "_")
    stem = f"{module}-{version}"
    info = f"{stem}.dist-info"
    content = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n\n\ndef main():\n    print(VERSION)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{script} = {module}:main\n"} if script else {}),
        **(files or {}),
    }  # fmt: skip
    lines = []
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        lines.append(f"{path},sha256={digest.decode()},{len(text.encode())}\n")
    content[f"{info}/RECORD"] = "".join(lines) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        for path, text in content.items():
            wheel.writestr(zipfile.ZipInfo(path, _MTIME), text)
    return file


def make_index(root: Path) -> Path:
    """Write the pages of `root/simple` for every file in `root/files`; return `root`."""
    by_name: dict[str, list[Path]] = {}
    for file in sorted((root / "files").iterdir()):
        by_name.setdefault(canonicalize_name(file.name.partition("-")[0]), []).append(file)
    for name, files in by_name.items():
        links = "".join(
            f'<a href="/files/{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">'
            f"{file.name}</a><br>\n"
            for file in files
        )
        page = root / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")
    return root
