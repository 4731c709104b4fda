"""What stands in ``dependencies:``, what it means on each platform, and the edits that mend it."""

from __future__ import annotations

import pytest

from gitstore.model.fixes import apply_fixes
from gitstore.model.identity import effective_spec, input_digest
from gitstore.model.matchspec import judge_matchspec, name_of
from gitstore.model.platforms import PLATFORMS
from gitstore.model.problems import Fix, errors_of
from gitstore.model.requirement import (
    Include,
    Options,
    Requirement,
    RequirementError,
    read_requirement,
)
from gitstore.model.selectors import SelectorError, comment_selector, selected_platforms
from gitstore.model.settings import NamespaceSettings
from gitstore.model.spec import EnvironmentSpec, parse_spec
from gitstore.model.yamltext import parse_yaml


@pytest.mark.parametrize(
    ("selector", "platforms"),
    [
        (
            "linux",
            {
                "linux-64",
                "linux-aarch64",
                "linux-ppc64le",
                "linux-s390x",
                "linux-riscv64",
                "linux-32",
            },
        ),
        ("linux64", {"linux-64"}),
        ("osx and arm64", {"osx-arm64"}),
        ("osx64 or win64", {"osx-64", "win-64"}),
        ("not unix and x86_64", {"win-64"}),
        ("aarch64 and linux", {"linux-aarch64"}),
    ],
)
def test_selectors_name_platforms(selector: str, platforms: set[str]) -> None:
    assert selected_platforms(selector) == platforms


@pytest.mark.parametrize(
    "selector", ["", "linus", "linux win", "not", "and", "linux and", "or osx"]
)
def test_selectors_without_a_meaning_are_refused(selector: str) -> None:
    with pytest.raises(SelectorError):
        selected_platforms(selector)


@pytest.mark.parametrize(
    ("line", "selector"),
    [
        ("  - a  # [linux]", "linux"),
        ("  - a # why # [osx or win] more", "osx or win"),
        ("  - a  # [1] see there", None),
        ("  - a[build=x]", None),
        ("  - a  # linux", None),
    ],
)
def test_selectors_stand_in_comments(line: str, selector: str | None) -> None:
    assert comment_selector(line) == selector


SELECTORS = """\
dependencies:
  - a
  - b  # [linux64]
  - sel(win): c
  - sel(not win): [d, e]
"""


def parse(text: str) -> EnvironmentSpec:
    spec, problems = parse_spec(parse_yaml(text.encode()))
    assert spec is not None, problems
    return spec


def test_each_platform_gets_what_is_meant_for_it() -> None:
    settings = NamespaceSettings(platforms=("linux-64", "osx-arm64", "win-64"))
    found = effective_spec(parse(SELECTORS), settings, "linux-64").dependencies
    assert found == {
        "linux-64": ("a", "b", "d", "e"),
        "osx-arm64": ("a", "d", "e"),
        "win-64": ("a", "c"),
    }


def test_a_selector_in_a_comment_counts_as_input_and_other_comments_do_not() -> None:
    def digest(text: str) -> str:
        spec = parse(text)
        return input_digest(spec, effective_spec(spec, NamespaceSettings(), "linux-64"))

    assert digest(SELECTORS) != digest(SELECTORS.replace("# [linux64]", "# [osx]"))
    assert digest(SELECTORS) != digest(SELECTORS.replace("  # [linux64]", ""))
    assert digest(SELECTORS) == digest(SELECTORS.replace("- a\n", "- a  # the letter\n"))


@pytest.mark.parametrize(
    "text",
    [
        "numpy", "numpy 1.26", "numpy=1.26", "numpy=1.26=py311*", "numpy >=1.2,<2|3.*", "numpy >= 1.2",
        "numpy[version='>=1', build=*cuda*]", "conda-forge::numpy", "conda-forge/linux-64::numpy >1",
        "https://host.example/c::numpy=1", "https://host.example/c/noarch/a-1-0.conda",
        "x264=1!164", "tensorflow-gpu 2.0 gpu_py37", "click  8.1.7", "python 3.11.* *_cpython", "_libgcc_mutex",
        "numpy~=1.26", "gcc_linux-64>=6", "r-base 4.1",
    ],
)  # fmt: skip
def test_what_conda_users_write_is_read(text: str) -> None:
    assert judge_matchspec(text) is None


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("numpy=>1", "numpy>=1"),
        ("numpy =<1", "numpy <=1"),
        ("numpy >1.2 <2", "numpy >1.2,<2"),
        ("numpy >=1.2 !=1.3", "numpy >=1.2,!=1.3"),
        ("numpy@1.2", "numpy=1.2"),
        ("numpy: 1.2", "numpy=1.2"),
        ("numpy^1.2", "numpy=1.2"),
        ("'numpy'", "numpy"),
        ("python >3.6,", "python >3.6"),
        ("python3.11", "python=3.11"),
    ],
)
def test_what_was_probably_meant_is_said_and_can_be_read(text: str, better: str) -> None:
    fault = judge_matchspec(text)
    assert fault is not None
    assert fault.better == better
    assert f"`{better}`" in fault.hint
    assert judge_matchspec(better) is None


@pytest.mark.parametrize("text", ["num py", "a b c", "x; y", "-e .", "*", "=1", "", "a\nb"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    fault = judge_matchspec(text)
    assert fault is not None
    assert fault.fatal
    assert fault.better is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NumPy >=1", "numpy"),
        ("conda-forge::gdal=3", "gdal"),
        ("https://host.example/c::gdal=3", "gdal"),
        ("https://host.example/c/noarch/my-lib-1.0-0.conda", "my-lib"),
        ("__glibc >=2", "__glibc"),
    ],
)
def test_the_name_of_a_dependency(text: str, name: str) -> None:
    assert name_of(text) == name


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("NumPy>=1.2  # why", Requirement(text="NumPy>=1.2", name="numpy", kind="index")),
        ("'a_b[x]==1.0'", Requirement(text="a_b[x]==1.0", name="a-b", kind="index")),
        (
            "flit-core === 3.9.0 --hash=sha256:12ab",
            Requirement(text="flit-core===3.9.0", name="flit-core", kind="index", hashes=("sha256:12ab",)),
        ),
        (
            "git+https://git.example/b.git@main#egg=b",
            Requirement(text="b@ git+https://git.example/b.git@main", name="b", kind="vcs"),
        ),
        (
            "git+https://git.example/b.git@main#egg=b&subdirectory=x",
            Requirement(text="b@ git+https://git.example/b.git@main#subdirectory=x", name="b", kind="vcs"),
        ),
        (
            "https://host.example/b-1-py3-none-any.whl",
            Requirement(text="https://host.example/b-1-py3-none-any.whl", name=None, kind="url"),
        ),
        ("-r a/b.txt", Include(path="a/b.txt", is_constraint=False)),
        ("-cb.txt", Include(path="b.txt", is_constraint=True)),
        ("--requirement=b.txt", Include(path="b.txt", is_constraint=False)),
        (
            "--pre -i https://a.example/simple --extra-index-url=https://b.example/s",
            Options(indexes=("https://a.example/simple", "https://b.example/s"), prereleases=True),
        ),
        ("--trusted-host a.example", Options()),
    ],
)  # fmt: skip
def test_lines_of_pip(line: str, found: object) -> None:
    read = read_requirement(line)
    if isinstance(read, Requirement) and isinstance(found, Requirement):
        assert read.text.replace(" @ ", "@ ") == found.text
        assert (read.name, read.kind, read.hashes) == (found.name, found.kind, found.hashes)
    else:
        assert read == found


@pytest.mark.parametrize(
    ("line", "code", "better"),
    [
        ("numpy=1.2", "pypi-invalid", "numpy==1.2"),
        ("numpy 1.2", "pypi-invalid", "numpy==1.2"),
        ("numpy=>1.2", "pypi-invalid", "numpy>=1.2"),
        ("numpy>=1.2.*", "pypi-invalid", "numpy>=1.2"),
        ("numpy>=1.2,", None, None),
        ("num py", "pypi-invalid", None),
        ("-e .", "pypi-editable", ""),
        ("-e git+https://git.example/b.git", "pypi-editable", "git+https://git.example/b.git"),
        ("-e git+{PLACE}#egg=b", "pypi-invalid", None),
        ("./b", "pypi-path", None),
        ("b-1.0-py3-none-any.whl", "pypi-path", None),
        ("b @ file:///tmp/b-1-py3-none-any.whl", "pypi-path", None),
        ("--no-binary :all:", "pypi-option", ""),
        ("-f https://a.example/links", "pypi-option", ""),
        ("-i https://u:p@a.example/simple", "pypi-secret", None),
        ("b @ git+https://tok123@git.example/b", "pypi-secret", None),
        ("https://$USER:$PASSWORD@a.example/b.whl", "pypi-secret", None),
        ("", "pypi-invalid", ""),
    ],
)
def test_lines_that_cannot_be_locked(line: str, code: str | None, better: str | None) -> None:
    if code is None:
        read_requirement(line)
        return
    with pytest.raises(RequirementError) as caught:
        read_requirement(line)
    assert (caught.value.code, caught.value.better) == (code, better)
    assert "p@" not in caught.value.message
    assert "tok123" not in caught.value.message
    if better:
        assert read_requirement(better)


UNTIDY = """\
name: x\r
channels:\r
  - defaults\r
  - conda-forge\r
dependancies:\r
  - numpy=>1  # keep this
  - a=1.0=py_0
  - b=1.0=py_0
  - c=1.0=py_0
prefix: /home/somebody/x
"""


def test_the_edits_of_all_problems_make_a_spec_that_has_none() -> None:
    text = UNTIDY
    for _ in range(2):  # what a misspelt key hides is seen when that is mended
        _, problems = parse_spec(parse_yaml(text.encode()))
        text, _ = apply_fixes(text, [fix for problem in problems for fix in problem.fixes])
    spec, problems = parse_spec(parse_yaml(text.encode()))
    assert spec is not None
    assert problems == []
    assert text.splitlines() == [
        "name: x",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - numpy>=1  # keep this",
        "  - a=1.0",
        "  - b=1.0",
        "  - c=1.0",
    ]
    assert text.count("\r\n") == 4, "line ends stay as they were"


def test_an_edit_that_does_not_fit_is_left_out() -> None:
    assert apply_fixes(
        "a\nb\n", [Fix(line=2, old="c", new="d"), Fix(line=9, old="a", new=None)]
    ) == ("a\nb\n", 0)


def test_advice_stops_nothing() -> None:
    text = "channels: [conda-forge, defaults]\ndependencies: [python, numpy=2.0]\n"
    spec, problems = parse_spec(parse_yaml(text.encode()))
    assert spec is not None
    assert errors_of(problems) == []
    assert {problem.code for problem in problems} == {
        "channels-mixed",
        "channel-terms",
        "pin-loose",
    }


def test_every_platform_answers_to_words() -> None:
    assert all(selected_platforms(platform.split("-")[0]) for platform in PLATFORMS)


@pytest.mark.parametrize(
    "wish",
    [
        "https://user:pl4nted@host.example/c::numpy",
        "https://host.example/t/pl4nted/c::numpy=1.2",
        "numpy[channel='https://user:pl4nted@host.example/c']",
        "https://user:pl4nted@host.example/c/noarch/a-1-0.conda",
        "https://host.example/c/noarch/a-1-0.conda?X-Amz-Signature=pl4nted",
    ],
)
def test_a_secret_in_a_dependency_is_refused_and_never_shown(wish: str) -> None:
    for text in (f'dependencies: ["{wish}"]', f'dependencies: [python=3.12, pip: ["{wish}"]]'):
        spec, problems = parse_spec(parse_yaml(text.encode()))
        assert spec is None
        assert {p.code for p in errors_of(problems)} <= {
            "channel-secret",
            "pypi-secret",
            "pypi-invalid",
            "pypi-path",
        }
        assert "pl4nted" not in repr(problems)


def test_a_variable_that_looks_like_a_secret_is_advice() -> None:
    text = "dependencies: [a]\nvariables: {AWS_SECRET_ACCESS_KEY: x, OMP_NUM_THREADS: 1, KEYBOARD: de}\n"
    _, problems = parse_spec(parse_yaml(text.encode()))
    assert [(p.code, p.key) for p in problems] == [
        ("variable-secret", "variables.AWS_SECRET_ACCESS_KEY")
    ]
