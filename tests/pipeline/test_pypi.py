"""The PyPI half: a real resolver, a real index over HTTP, real wheels in a real prefix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitstore.builders.archive import unpack_into
from gitstore.errors import SolveError, SolveUnavailableError
from gitstore.memo import Memo
from gitstore.model.platforms import virtual_packages_for
from gitstore.model.pypinames import Provided, pep440, provided_distributions
from gitstore.model.work import PypiOptions
from gitstore.pipeline.load import load_namespace
from gitstore.pipeline.sources import RevisionTree
from gitstore.solvers.pypi import PypiProblem, UvResolver
from tests.support.index import make_index, make_wheel
from tests.support.lab import Lab, lock_path, spec_path
from tests.support.web import Web, serving


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("index")
    files = root / "files"
    make_wheel(files, "reporter", "1.0", requires=["numpy>=1", "helper"], script="report")
    make_wheel(files, "reporter", "1.1", requires=["numpy>=1", "helper>=2"], script="report")
    make_wheel(files, "helper", "1.0")
    make_wheel(files, "helper", "2.0")
    make_wheel(files, "old-numbers", "1.0", requires=["numpy<1"])
    for tag in (
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-win_amd64",
        "cp310-cp310-manylinux_2_17_x86_64",
        "cp311-cp311-manylinux_2_35_x86_64",
    ):
        make_wheel(files, "native", "3.0", tag=tag)
    make_wheel(files, "only-windows", "1.0", tag="cp311-cp311-win_amd64")
    make_wheel(files, "marked", "1.0", requires=["helper; sys_platform == 'win32'"])
    make_wheel(files, "collides", "1.0", files={"reporter/__init__.py": "stolen = True\n"})
    make_wheel(files, "escapes", "1.0", files={"../../../../escaped.txt": "out\n"})
    (files / "source_only-1.0.tar.gz").write_bytes(b"\x1f\x8b")
    return make_index(root)


@pytest.fixture
def index(wheels: Path) -> Iterator[Web]:
    with serving(wheels) as web:
        yield web


def problem(
    index: Web, *requirements: str, platform: str = "linux-64", **more: object
) -> PypiProblem:
    values: dict[str, object] = {
        "environment": "x",
        "platform": platform,
        "python": "3.11.7",
        "requirements": requirements,
        "provided": (),
        "virtual_packages": virtual_packages_for(platform),
        "options": PypiOptions(indexes=(f"{index.url}/simple",)),
        "timeout": 60.0,
        **more,
    }
    return PypiProblem(**values)  # type: ignore[arg-type]


@pytest.fixture
def resolver(tmp_path: Path) -> UvResolver:
    return UvResolver(tmp_path / "cache")


NUMPY = Provided(name="numpy", version="1.26.4")


def test_what_conda_brings_is_neither_locked_nor_looked_up(
    index: Web, resolver: UvResolver
) -> None:
    found = resolver.resolve(problem(index, "reporter", provided=(NUMPY,)))
    assert [(p.name, p.version, p.depends) for p in found] == [
        ("helper", "2.0", ()),
        ("reporter", "1.1", ("helper", "numpy")),
    ]
    assert all(p.manager == "pip" and len(p.sha256) == 64 for p in found)
    assert not any("numpy" in path for path in index.asked if path.endswith(".whl"))


def test_versions_that_were_locked_stay_where_nothing_forces_them(
    index: Web, resolver: UvResolver
) -> None:
    kept = {"reporter": "1.0", "helper": "1.0"}
    found = resolver.resolve(problem(index, "reporter", provided=(NUMPY,), preferred=kept))
    assert {p.name: p.version for p in found} == kept
    moved = resolver.resolve(problem(index, "reporter>=1.1", provided=(NUMPY,), preferred=kept))
    assert {p.name: p.version for p in moved} == {"reporter": "1.1", "helper": "2.0"}


def test_a_clash_with_conda_is_found_and_said(index: Web, resolver: UvResolver) -> None:
    with pytest.raises(SolveError) as caught:
        resolver.resolve(problem(index, "old-numbers", provided=(NUMPY,)))
    assert caught.value.code == "pypi-unsolvable"
    assert "old-numbers" in caught.value.message
    assert "gitstore-uv-" not in caught.value.message
    assert caught.value.hint == "conda brings numpy 1.26.4: loosen one of the two wishes"
    with pytest.raises(SolveError) as caught:
        resolver.resolve(problem(index, "numpy>=2", provided=(NUMPY,)))
    assert "take `numpy>=2` out of `pip:`" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        ("linux-64", "cp311-cp311-manylinux_2_17_x86_64"),
        ("osx-arm64", "cp311-cp311-macosx_11_0_arm64"),
        ("win-64", "cp311-cp311-win_amd64"),
    ],
)
def test_each_platform_gets_its_own_file(
    index: Web, resolver: UvResolver, platform: str, tag: str
) -> None:
    (native,) = resolver.resolve(problem(index, "native", platform=platform))
    assert native.url == f"{index.url}/files/native-3.0-{tag}.whl"
    marked = resolver.resolve(problem(index, "marked", platform=platform))
    assert ("helper" in {p.name for p in marked}) is (platform == "win-64")


def test_a_newer_glibc_takes_the_newer_wheel(index: Web, resolver: UvResolver) -> None:
    virtual = virtual_packages_for("linux-64", {"linux-64": {"__glibc": "2.36"}})
    (native,) = resolver.resolve(problem(index, "native", virtual_packages=virtual))
    assert native.url.endswith("manylinux_2_35_x86_64.whl")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("only-windows", "no wheels with a matching platform tag|no wheel|no solution"),
        ("source-only", "no solution"),
        ("not-there-at-all", "was not found"),
        ("helper>=9", "no solution"),
    ],
)
def test_what_cannot_be_had_is_said(index: Web, resolver: UvResolver, wish: str, said: str) -> None:
    with pytest.raises(SolveError, match=said) as caught:
        resolver.resolve(problem(index, wish))
    assert caught.value.code == "pypi-unsolvable"
    assert not caught.value.retryable


def test_a_demanded_hash_must_be_that_of_the_file(
    index: Web, resolver: UvResolver, wheels: Path
) -> None:
    indexes = (f"{index.url}/simple",)
    wrong = PypiOptions(indexes=indexes, hashes={"helper": ("sha256:" + "0" * 64,)})
    with pytest.raises(SolveError, match="has the hash that is wanted"):
        resolver.resolve(problem(index, "helper", options=wrong))


def test_an_index_that_does_not_answer_may_answer_later(resolver: UvResolver, index: Web) -> None:
    dead = PypiOptions(indexes=("http://127.0.0.1:9/simple",))
    with pytest.raises(SolveUnavailableError) as caught:
        resolver.resolve(problem(index, "helper", options=dead))
    assert caught.value.code == "pypi-unavailable"
    assert caught.value.retryable


def test_offline_resolves_what_was_seen_before(resolver: UvResolver, index: Web) -> None:
    first = resolver.resolve(problem(index, "helper"))
    index.asked.clear()
    assert resolver.resolve(problem(index, "helper", offline=True)) == first
    with pytest.raises(SolveUnavailableError):
        resolver.resolve(problem(index, "native", offline=True))
    assert index.asked == []


def test_names_of_conda_packages_on_pypi() -> None:
    python = ["python >=3.9"]
    found = provided_distributions(
        [
            ("pytorch", "2.4.0", [*python, "python_abi 3.11.*"], [], None),
            ("importlib_metadata", "8.0", [], [], "python"),
            ("cmake", "3.30", ["libstdcxx"], [], None),
            ("python", "3.11.7", [], [], None),
            ("odd", "1.0", [], ["pkg:pypi/other.name@1.5?x=y", "pkg:deb/odd"], None),
            ("openssl-bindings", "1.1.1w", python, [], None),
        ]
    )
    assert [(each.name, each.version) for each in found] == [
        ("importlib-metadata", "8.0"),
        ("other-name", "1.5"),
        ("torch", "2.4.0"),
    ]
    assert pep440("2024.1_1") == "2024.1.1"


@pytest.mark.shared
def test_the_table_of_names_agrees_with_the_field(shared: Path) -> None:
    from gitstore.model.pypinames import CONDA_TO_PYPI

    known = json.loads(
        (shared / "repodata" / "prefix-dev__pixi__compressed_mapping.json").read_text()
    )
    differ = {
        name: (ours, known[name])
        for name, ours in CONDA_TO_PYPI.items()
        if known.get(name) and known[name] != ours
    }
    # conda's `faiss` is what PyPI calls `faiss-cpu`; the project `faiss` there is another one.
    assert differ.keys() <= {"faiss"}


@pytest.fixture
def real_lab(tmp_path: Path, real_channel: str, index: Web) -> Lab:
    lab = Lab.make(tmp_path / "lab", channel=real_channel)
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28").split()[1]
    lab.push(
        {
            "gitstore.yml": f"channels: ['{real_channel}', nodefaults]\nplatforms: [linux-64]\n"
            f"virtual-packages: {{linux-64: {{__glibc: '{glibc}'}}}}\n"
            f"pypi: {{index: '{index.url}/simple'}}\n"
        }
    )
    return lab


BOTH = "dependencies:\n  - python\n  - numpy\n  - pip:\n      - reporter\n"


def unpack(lab: Lab, name: str, to: Path) -> Path:
    (build,) = [b for b in lab.records("builds/").values() if b["for"]["environment"] == name]
    (archive,) = build["artifacts"]
    blob = lab.root / "artifacts" / archive["published"][0]["key"]
    unpack_into(blob, to)
    subprocess.run([to / "bin" / "conda-unpack"], check=True)
    return to


@pytest.mark.network
def test_both_halves_are_locked_built_and_run(real_lab: Lab, tmp_path: Path) -> None:
    real_lab.push({spec_path("both"): BOTH})
    real_lab.apply()
    lock = real_lab.lock("both")
    pip = {p.name: p for p in lock.packages if p.manager == "pip"}
    assert set(pip) == {"reporter", "helper"}
    assert pip["reporter"].depends == {"helper": "", "numpy": ""}
    assert "+ reporter 1.1" in real_lab.repository().message(real_lab.head())
    prefix = unpack(real_lab, "both", tmp_path / "elsewhere")
    done = subprocess.run(
        [prefix / "bin" / "report"], capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout == "1.1\n"
    done = subprocess.run(
        [prefix / "bin" / "python", "-c", "import helper, numpy, reporter; print(helper.VERSION)"],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    assert done.stdout == "2.0\n"
    assert real_lab.apply() == [], "nothing is left to do"
    packages = real_lab.records("packages/").values()
    assert {p["name"] for p in packages if p["manager"] == "pip"} == set(pip)


@pytest.mark.network
def test_condas_own_reader_accepts_both_halves(real_lab: Lab, tmp_path: Path) -> None:
    real_lab.push({spec_path("both"): BOTH})
    real_lab.apply()
    file = tmp_path / "conda-lock.yml"
    file.write_bytes(real_lab.file(lock_path("both")) or b"")
    script = (
        "import json, pathlib, sys, conda_lock.lockfile as m\n"
        "lock = m.parse_conda_lock_file(pathlib.Path(sys.argv[1]))\n"
        "print(json.dumps([[p.manager, p.name, p.version, p.hash.sha256] for p in lock.package]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = [[p.manager, p.name, p.version, p.sha256] for p in real_lab.lock("both").packages]
    assert sorted(json.loads(done.stdout)) == sorted(ours)


@pytest.mark.network
@pytest.mark.parametrize(
    ("wish", "said"), [("collides", "would overwrite"), ("escapes", "leaves the environment")]
)
def test_a_wheel_that_misbehaves_is_not_installed(
    real_lab: Lab, wish: str, said: str, tmp_path: Path
) -> None:
    real_lab.push({spec_path("both"): f"{BOTH}      - {wish}\n"})
    (failed,) = [o for o in real_lab.apply(code=1) if o["status"] == "failed"]
    assert failed["verb"] == "build"
    assert said in failed["error"]["message"]
    assert not list(tmp_path.rglob("escaped.txt"))


@pytest.mark.network
def test_a_wheel_that_changed_on_the_index_is_refused(real_lab: Lab, wheels: Path) -> None:
    real_lab.push({spec_path("both"): BOTH})
    (file,) = (wheels / "files").glob("helper-2.0-*.whl")
    before = file.read_bytes()
    try:
        real_lab.apply()
        real_lab.run("apply")
        cache = real_lab.root / "cache" / "wheels"
        for wheel in cache.rglob("*.whl"):
            wheel.write_bytes(b"damaged")
        file.write_bytes(b"other bytes")
        real_lab.push({spec_path("both"): f"{BOTH}variables: {{N: '1'}}\n"})
        (failed,) = [o for o in real_lab.apply(code=1) if o["status"] == "failed"]
        assert failed["error"]["code"] == "package-corrupt"
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("git+https://git.example/a.git@main", "sdists-not-allowed"),
        ("--index-url https://other.example/simple", "index-not-allowed"),
    ],
)
def test_what_the_namespace_does_not_allow_is_not_even_solved(
    lab: Lab, wish: str, code: str
) -> None:
    lab.push(
        {spec_path("tiny"): f"dependencies:\n  - lens\n  - pip:\n      - helper\n      - {wish}\n"}
    )
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == code


def test_pip_without_python_is_said(lab: Lab, index: Web) -> None:
    lab.push({spec_path("tiny"): "dependencies:\n  - lens\n  - pip: [helper]\n"})
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "pypi-unsolvable"
    assert "python=" in outcome["error"]["hint"]


INCLUDES = "dependencies:\n  - lens\n  - pip:\n      - -r ../../shared.txt\n"


def test_a_requirements_file_is_read_and_its_bytes_count(lab: Lab) -> None:
    def inputs() -> tuple[str, list[dict[str, object]]]:
        done = lab.run("check", "team", "--json").json
        items = [item for item in lab.plan() if item["environment"] == "tiny"]
        return items[0]["reason"], done["problems"]

    lab.push({spec_path("tiny"): INCLUDES})
    reason, problems = inputs()
    assert reason == "spec-invalid"
    assert [(p["code"], p["line"]) for p in problems if p["severity"] == "error"] == [
        ("pypi-include", 4)
    ]
    lab.push({"shared.txt": "helper\n-c limits.txt\n", "limits.txt": "other<2\n"})
    assert inputs()[0] == "new"
    previews: list[str] = []
    for text in ("other<2\n", "other<3\n", "other<2\n"):
        lab.push({"limits.txt": text, "n": str(len(previews))})
        previews.append(input_of(lab))
    assert previews[0] == previews[2] != previews[1]
    lab.push({"shared.txt": "-r ../outside.txt\nnumpy=1\n"})
    codes = [(p["code"], p["file"]) for p in inputs()[1] if p["severity"] == "error"]
    assert codes == [("pypi-include", "team:shared.txt"), ("pypi-invalid", "team:shared.txt")]


def input_of(lab: Lab) -> str:
    tree = load_namespace(
        RevisionTree(lab.repository(), lab.head()),
        namespace="team",
        runner_platform="linux-64",
        memo=Memo(None),
    )
    return next(e.input or "" for e in tree.environments if e.name == "tiny")
