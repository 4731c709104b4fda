"""conda's platforms (subdirs), and what is assumed of each when nobody says more."""

from __future__ import annotations

# conda/models/enums.py and CEP-26 name more; these are the ones with a channel folder today.
PLATFORMS = (
    "linux-64",
    "linux-aarch64",
    "linux-ppc64le",
    "linux-s390x",
    "linux-riscv64",
    "linux-32",
    "osx-64",
    "osx-arm64",
    "win-64",
    "win-arm64",
    "win-32",
    "emscripten-wasm32",
    "wasi-wasm32",
)

# What people call them; the field's word stays in files and code.
PEOPLE_SAY = {
    "linux-64": "Linux",
    "linux-aarch64": "Linux (ARM)",
    "osx-64": "Mac (Intel)",
    "osx-arm64": "Mac (Apple)",
    "win-64": "Windows",
    "win-arm64": "Windows (ARM)",
}

# Version 1 of the default table. It belongs to version 1 of the input digest: another table is
# another version, so that an upgrade of gitstore relocks nothing.
_GLIBC = "2.28"
_LINUX = {"__unix": "0", "__linux": "4.18", "__glibc": _GLIBC}
DEFAULT_VIRTUAL_PACKAGES_V1: dict[str, dict[str, str]] = {
    "linux-64": {**_LINUX, "__archspec": "1=x86_64"},
    "linux-aarch64": {**_LINUX, "__archspec": "1=aarch64"},
    "linux-ppc64le": {**_LINUX, "__archspec": "1=ppc64le"},
    "linux-s390x": {**_LINUX, "__archspec": "1=s390x"},
    "linux-riscv64": {**_LINUX, "__archspec": "1=riscv64"},
    "linux-32": {**_LINUX, "__archspec": "1=x86"},
    "osx-64": {"__unix": "0", "__osx": "11.0", "__archspec": "1=x86_64"},
    "osx-arm64": {"__unix": "0", "__osx": "11.0", "__archspec": "1=arm64"},
    "win-64": {"__win": "0", "__archspec": "1=x86_64"},
    "win-arm64": {"__win": "0", "__archspec": "1=arm64"},
    "win-32": {"__win": "0", "__archspec": "1=x86"},
    "emscripten-wasm32": {"__unix": "0"},
    "wasi-wasm32": {"__unix": "0"},
}


def virtual_packages_for(
    platform: str, *overrides: dict[str, dict[str, str | None]]
) -> dict[str, str]:
    """Return the virtual packages assumed of ``platform``; later overrides win, null removes one.

    Values are ``VERSION`` or ``VERSION=BUILD``. Nothing is ever detected from the machine that
    solves: two runners must lock the same.
    """
    result: dict[str, str | None] = dict(DEFAULT_VIRTUAL_PACKAGES_V1.get(platform, {}))
    for override in overrides:
        result.update(override.get(platform, {}))
    return {name: value for name, value in sorted(result.items()) if value is not None}
