"""Which distributions of PyPI a conda package provides: what it says itself, a table, its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# Where the two names differ and the package does not say so in its purls. Public facts of
# conda-forge's recipes; a name that is missing here is taken for the same on both sides.
CONDA_TO_PYPI = {
    "astropy-base": "astropy",
    "blosc-python": "blosc",
    "brotli-python": "brotli",
    "cupy-core": "cupy",
    "dask-core": "dask",
    "docker-py": "docker",
    "faiss": "faiss-cpu",
    "fastapi-core": "fastapi",
    "jsonschema-with-format-nongpl": "jsonschema",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python",
    "py-boost": "boost",
    "py-lief": "lief",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyarrow-core": "pyarrow",
    "pymc-base": "pymc",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-annoy": "annoy",
    "python-chromedriver-binary": "chromedriver-binary",
    "python-confluent-kafka": "confluent-kafka",
    "python-duckdb": "duckdb",
    "python-fastjsonschema": "fastjsonschema",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-kubernetes": "kubernetes",
    "python-lmdb": "lmdb",
    "python-mss": "mss",
    "python-xxhash": "xxhash",
    "python-zstd": "zstd",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "pytorch_geometric": "torch-geometric",
    "ray-core": "ray",
    "ray-default": "ray",
    "seaborn-base": "seaborn",
    "spdlog-python": "spdlog",
    "sqlalchemy-base": "sqlalchemy",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "uvicorn-standard": "uvicorn",
}
_NOT_DISTRIBUTIONS = frozenset({"python", "python_abi", "pypy", "cpython", "python-gil"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Provided:
    """A distribution that the conda half brings: name (PEP 503) and version (PEP 440)."""

    name: str
    version: str


def provided_distributions(
    packages: Iterable[tuple[str, str, Iterable[str], Iterable[str], str | None]],
) -> tuple[Provided, ...]:
    """Return what conda packages bring, sorted by name.

    Each package is ``(name, version, depends, purls, noarch)``. One that needs no Python is no
    distribution, whatever its name: conda's ``cmake`` is not PyPI's.
    """
    found: dict[str, str] = {}
    for name, version, depends, purls, noarch in packages:
        if not purls and not _is_python(name, depends, noarch):
            continue
        for distribution, said in _names_of(name, version, purls):
            if (checked := pep440(said)) is not None:
                found.setdefault(distribution, checked)
    return tuple(Provided(name=name, version=found[name]) for name in sorted(found))


def _names_of(name: str, version: str, purls: Iterable[str]) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []
    for purl in purls:  # pkg:pypi/name@version?qualifiers#subpath (ECMA-427)
        if purl.startswith("pkg:pypi/"):
            bare = purl.removeprefix("pkg:pypi/").partition("?")[0].partition("#")[0]
            distribution, _, own = bare.partition("@")
            said.append((canonicalize_name(unquote(distribution)), unquote(own) or version))
    return said or [(canonicalize_name(CONDA_TO_PYPI.get(name, name)), version)]


def _is_python(name: str, depends: Iterable[str], noarch: str | None) -> bool:
    if name in _NOT_DISTRIBUTIONS:
        return False
    needs = {text.partition(" ")[0] for text in depends}
    return noarch == "python" or bool(needs & {"python", "python_abi"})


def pep440(version: str) -> str | None:
    """Return a conda version as PEP 440 has it, or None where that has no such version."""
    for text in (version, version.replace("_", "."), version.replace("_", "+", 1)):
        try:
            return str(Version(text))
        except InvalidVersion:
            continue
    return None
