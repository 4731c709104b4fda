"""Packages made by hand: each is there for one thing that solvers and installers must get right."""

from __future__ import annotations

from collections.abc import Iterator

from gitstore.demo.package import PLACEHOLDER, TIMESTAMP, CondaPackage

_LICENSE = "BSD-3-Clause"
_MONTH = 30 * 24 * 3600 * 1000


def tiny_packages(subdir: str = "linux-64") -> list[CondaPackage]:
    """A small graph without Python, in which most changes move a part and leave the rest.

    Asking for ``camera`` takes the newest of everything. Adding ``film`` moves ``lens``,
    ``prism`` and ``glass`` back, drops ``coating`` and leaves the rest alone; ``tripod`` and
    ``flash`` have a part of the graph each. What ``shutter`` needs differs from platform to
    platform: ``subdir`` names the one beside ``osx-arm64`` and ``win-64``.
    """
    return [
        *_versions("glass", {"1.0": (), "1.1": (), "1.2": (), "2.0": (), "2.1": ()}),
        *_versions("prism", {"1.0": ("glass 1.*",), "2.0": ("glass >=2",)}),
        *_versions(
            "lens",
            {
                "1.0": ("glass 1.*",),
                "1.1": ("glass >=1.1,<2",),
                "2.0": ("glass >=2", "coating >=3"),
            },
        ),
        *_versions("coating", {"3.0": (), "3.1": ()}),
        *_versions("camera", dict.fromkeys(("4.0", "4.1", "4.2"), ("lens", "prism", "shutter"))),
        *_versions("film", {"35.0": ("glass <2",), "35.1": ("glass <2", "canister")}),
        *_versions("canister", {"1.0": ()}),
        *_versions("tripod", {"1.0": ("screw",), "1.1": ("screw >=8",), "1.2": ("screw >=8",)}),
        *_versions("screw", {"6.0": (), "8.0": (), "8.1": ()}),
        *_versions("flash", {"1.0": ("battery <2",), "2.0": ("battery >=2",)}),
        *_versions("battery", {"1.5": (), "2.0": ()}),
        *_versions("shutter", {"1.0": (), "1.1": ("spring",)}, subdir),
        *_versions("shutter", {"1.0": (), "1.1": ("magnet",)}, "osx-arm64"),
        *_versions("shutter", {"1.0": ("spring", "screw")}, "win-64"),
        *_versions("spring", {"0.9": (), "1.0": ()}),
        *_versions("magnet", {"1.0": ("battery",)}, "osx-arm64"),
    ]


def awkward_packages(subdir: str = "linux-64") -> list[CondaPackage]:
    """Packages with variants, scripts, conflicts and prefixes, for one platform."""
    return [
        *_blas(subdir),
        *_gpu_probe(subdir),
        *_conflict(),
        *_history(),
        _activated(),
        _linked(subdir),
        _prefixed(subdir),
        CondaPackage(name="broken-dep", version="1.0", depends=("not-in-this-channel >=3",)),
        CondaPackage(
            name="needs-new-glibc", version="1.0", subdir=subdir, depends=("__glibc >=2.99",)
        ),
    ]


def _versions(
    name: str, depends: dict[str, tuple[str, ...]], subdir: str = "noarch"
) -> Iterator[CondaPackage]:
    for month, (version, needs) in enumerate(depends.items()):
        yield CondaPackage(
            name=name,
            version=version,
            subdir=subdir,
            depends=needs,
            license=_LICENSE,
            summary=f"{name.capitalize()}, for photographers of dependency graphs",
            timestamp=TIMESTAMP + month * _MONTH,
            files={f"share/{name}/version.txt": f"{name} {version} for {subdir}\n".encode()},
        )


def _blas(subdir: str) -> Iterator[CondaPackage]:
    """Two implementations of which a prefix can have one; ``mkl`` must be asked for."""
    for implementation, features in (("openblas", ""), ("mkl", "blas_mkl")):
        yield CondaPackage(
            name="blas-mutex",
            version="1.0",
            build=implementation,
            subdir=subdir,
            license=_LICENSE,
            track_features=features,
        )
        yield CondaPackage(
            name="libblas",
            version="3.9.0",
            build=f"0_{implementation}",
            subdir=subdir,
            depends=(f"blas-mutex 1.0 {implementation}",),
            license=_LICENSE,
            files={"share/libblas/implementation.txt": f"{implementation}\n".encode()},
        )


def _gpu_probe(subdir: str) -> Iterator[CondaPackage]:
    """The ``cuda`` build has the higher number, so it wins wherever it can be installed."""
    for build, number, depends in (("cpu", 0, ()), ("cuda12", 200, ("__cuda >=12",))):
        yield CondaPackage(
            name="gpu-probe",
            version="2.1.0",
            build=f"{build}_{number}",
            build_number=number,
            subdir=subdir,
            depends=depends,
            license=_LICENSE,
            files={"share/gpu-probe/kind.txt": f"{build}\n".encode()},
        )


def _conflict() -> Iterator[CondaPackage]:
    """``oil`` and ``water`` each install alone and never together."""
    yield from _versions("oil", {"1.0": ("emulsion 1.*",)})
    yield from _versions("water", {"1.0": ("emulsion 2.*",)})
    yield from _versions("emulsion", {"1.0": (), "1.5": (), "2.0": ()})


def _history() -> Iterator[CondaPackage]:
    """Five versions, a month apart, with a release candidate before the last."""
    yield from _versions(
        "history", dict.fromkeys(("0.9.0", "1.0.0", "1.1.0", "2.0.0rc1", "2.0.0"), ())
    )


def _activated() -> CondaPackage:
    return CondaPackage(
        name="activate-me",
        version="1.0",
        license=_LICENSE,
        files={
            "etc/conda/activate.d/activate-me.sh": b'export ACTIVATED_IN="$CONDA_PREFIX"\n',
            "etc/conda/deactivate.d/activate-me.sh": b"unset ACTIVATED_IN\n",
            "etc/conda/env_vars.d/activate-me.json": b'{"SET_BY_PACKAGE": "yes"}\n',
        },
    )


def _linked(subdir: str) -> CondaPackage:
    script = "bin/.post-link-me-post-link.sh"
    return CondaPackage(
        name="post-link-me",
        version="1.0",
        subdir=subdir,
        license=_LICENSE,
        files={script: b'#!/bin/sh\necho linked > "$PREFIX/.post-link-ran"\n'},
        executable=frozenset({script}),
    )


def _prefixed(subdir: str) -> CondaPackage:
    """A script and a would-be binary that both have to learn where they are installed."""
    return CondaPackage(
        name="prefix-probe",
        version="1.0",
        subdir=subdir,
        license=_LICENSE,
        files={
            "bin/prefix-probe": f"#!/bin/sh\necho {PLACEHOLDER}\n".encode(),
            # Lengths count in a binary: the end must stay where it is.
            "share/prefix-probe/data.bin": f"\0\1{PLACEHOLDER}/share\0end".encode(),
        },
        executable=frozenset({"bin/prefix-probe"}),
        prefix_files={"bin/prefix-probe": "text", "share/prefix-probe/data.bin": "binary"},
    )
