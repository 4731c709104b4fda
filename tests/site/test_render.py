"""Pages: whole, safe and the same every time, whoever wrote what they show."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitstore.files import write_file
from gitstore.site.catalogue import Catalogue, State
from gitstore.site.render import write_site
from tests.site.samples import (
    KEY,
    LOCKFILE,
    Page,
    make_download,
    make_environment,
    make_everywhere,
    make_failure,
    make_namespace,
    make_release,
    make_sample,
    pages_of,
    render_files,
)

PAGE = "environments/team/analysis/index.html"
HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="script"),
    pytest.param('"><img src=x onerror=alert(1)>', id="attribute"),
    pytest.param("' onmouseover='alert(1)' x='", id="single-quotes"),
    pytest.param("javascript:alert(1)", id="javascript-url"),
    pytest.param("https://evil.example/x.js", id="foreign-url"),
    pytest.param("</title></style></textarea><svg onload=alert(1)>", id="closing-tags"),
    pytest.param("{{ 7 * 7 }}{% raise %}{{ ''.__class__ }}", id="template"),
    pytest.param("-->]]><!--<a href='//evil.example'>", id="comments"),
    pytest.param("`<b>`", id="code"),
    pytest.param("&lt;script&gt;", id="escaped-before"),
    pytest.param("a" * 5000, id="endless"),
]


def page(**more: Any) -> Page:
    """Render one environment's page."""
    sample = make_sample(make_namespace(make_environment(**more)))
    return pages_of(render_files(sample))[PAGE]


def check_safe(found: Page) -> None:
    """Check that a page asks nobody for anything, and runs nothing but our own file."""
    policy = found.all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none'; ")
    assert "unsafe" not in policy["content"]
    assert [script["src"].rpartition("/")[2] for script in found.all("script")] == ["site.js"]
    allowed = {"script", "link", "meta", "a", "html", "head", "title", "body", "header", "main"}
    allowed |= {"footer", "nav", "section", "div", "p", "span", "h1", "h2", "h3", "ul", "ol", "li"}
    allowed |= {"dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    allowed |= {"details", "summary", "pre", "code", "strong", "time", "label", "input"}
    for tag, attributes in found.elements:
        assert tag in allowed, tag
        assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
        for name in ("href", "src"):
            target = attributes.get(name, "")
            assert re.fullmatch(r"[A-Za-z0-9._/#-]*", target), target
            assert not target.startswith("/"), target


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_stranger_writes_becomes_markup(text: str) -> None:
    files = render_files(make_everywhere(text))
    for found in pages_of(files).values():
        check_safe(found)
        assert "49" not in re.findall(r"\d+", found.title_text)


def test_what_a_stranger_writes_is_shown_as_it_was_written() -> None:
    text = "<script>alert('{{ 7 * 7 }}')</script> & \"more\""
    for found in pages_of(render_files(make_everywhere(text))).values():
        assert text in found.text
        assert "49" not in found.text


def test_ordinary_pages_are_safe_too() -> None:
    for found in pages_of(render_files(make_sample())).values():
        check_safe(found)


def test_json_documents_hold_hostile_text_as_data() -> None:
    text = '</script><script>alert("1")</script>\\'
    files = render_files(make_everywhere(text))
    index = json.loads(files["index.json"])
    assert index["schema"] == "gitstore/catalogue/v1"
    (environment,) = index["namespaces"][0]["environments"]
    assert environment["description"] == text
    document = json.loads(files["environments/team/analysis/environment.json"])
    assert document["packages"]["linux-64"][0]["license"] == text


def test_the_index_lists_every_environment_with_its_state_and_version() -> None:
    catalogue = make_sample(
        make_namespace(
            make_environment(),
            make_environment(name="broken", state="failed", shown=None, history=(), contents=()),
        ),
        make_namespace(name="empty", environments=()),
        title="Lab <environments>",
    )
    found = pages_of(render_files(catalogue))["index.html"]
    assert [link["href"] for link in found.all("a")] == [
        "#main",
        PAGE,
        "environments/team/broken/index.html",
        "index.json",
    ]
    assert "Lab <environments>" in found.words
    assert "analysis Tables, plots and statistics teaching Linux, Mac (Apple) Up to date" in (
        found.words
    )
    assert "Failed Never locked" in found.words
    assert "No environments yet." in found.words


def test_an_empty_store_has_a_page_that_says_so() -> None:
    files = render_files(make_sample().__class__(title="t", store="s", public=False))
    assert "No namespaces yet." in pages_of(files)["index.html"].words


def test_a_page_has_everything_that_one_needs() -> None:
    words = page().words
    for text in (
        "Runs on Linux, Mac (Apple)",
        "Owners alia",
        "Last locked",
        "mkdir analysis-2 tar -xf analysis-2-linux-64.tar.zst -C analysis-2",
        "micromamba create -n analysis -f conda-lock.yml",
        "Asked for by the spec numpy 2.4.6 py311_0 15 MB BSD-3-Clause",
        "Needed by those openssl",
        "Version 2",
        "linux-64: + psutil 7.2.2",
        f"commit {'2' * 12}",
        f"sha256 {'ab' * 32}",
    ):
        assert text in words, text


@pytest.mark.parametrize("state", ["locked", "waiting", "failed", "problems", "retired"])
def test_a_page_says_which_version_it_shows_when_something_is_open(state: State) -> None:
    assert "What follows is version 2." in page(state=state).words


def test_a_failure_says_what_to_do_and_when_it_is_tried_again() -> None:
    failures = (make_failure(), make_failure(platform="win-64", retry_after="2026-11-23T00:10:00Z"))
    found = page(state="failed", failures=failures)
    assert "no candidates for numpy >=99 unsolvable loosen numpy" in found.words
    assert "or for gitstore apply --retry" in found.words
    assert "Windows: no candidates" in found.words
    assert "It is tried again after 23 Nov 2026, 00:10 UTC." in found.words


def test_versions_that_gitstore_did_not_make_are_marked() -> None:
    releases = (make_release(2), make_release(1, verified=False, body=""))
    assert page(history=releases).words.count("not verified by gitstore") == 1


def test_an_environment_that_was_never_locked_still_has_a_page() -> None:
    found = page(state="waiting", shown=None, history=(), contents=(), lock=None)
    assert "Version none yet" in found.words
    assert found.all("table") == []
    assert found.all("pre") == []


def test_every_id_is_there_once_and_every_label_and_heading_finds_its_own() -> None:
    for found in pages_of(render_files(make_sample())).values():
        ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _, attributes in found.elements:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert attributes.get(name, ids[0]) in ids
            target = attributes.get("href", "#").partition("#")
            assert target[0] or not target[2] or target[2] in ids
        assert found.elements[0] == ("html", {"lang": "en"})
        assert len(found.all("h1")) == len(found.all("main")) == 1


def test_a_namespace_may_have_the_name_of_anything_on_the_page() -> None:
    names = ("main", "filter", "environments", "static", "index.html")
    catalogue = make_sample(
        *(make_namespace(make_environment(namespace=name), name=name) for name in names)
    )
    files = render_files(catalogue)
    found = pages_of(files)["index.html"]
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "environments/index.html/analysis/index.html" in files


def test_private_sites_ask_not_to_be_indexed_and_public_ones_do_not() -> None:
    robots = {"name": "robots", "content": "noindex"}
    for public in (False, True):
        for found in pages_of(render_files(make_sample(public=public))).values():
            assert (robots in found.all("meta")) is not public


def test_the_same_catalogue_gives_the_same_bytes() -> None:
    assert render_files(make_sample()) == render_files(make_sample())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A target folder that holds the sample's artifact."""
    write_file(tmp_path / "lab" / "artifacts" / KEY, b"archive")
    return tmp_path / "lab" / "artifacts"


def with_target(target: Path, **more: Any) -> Catalogue:
    environment = make_environment()
    content = replace(environment.contents[0], downloads=(make_download(root=str(target)),))
    environment = replace(environment, contents=(content,))
    copy = replace(environment, name="copy")
    download = make_download(root=str(target), name="copy-2-linux-64.tar.zst")
    copy = replace(copy, contents=(replace(content, downloads=(download,)),))
    return make_sample(make_namespace(environment, copy), **more)


def download_links(files: dict[str, bytes]) -> set[tuple[str, str]]:
    found = pages_of(files)[PAGE].all("a")
    links = {(link["href"], link["download"]) for link in found if "download" in link}
    return links - {("conda-lock.yml", "conda-lock.yml")}


def test_downloads_link_into_the_target_under_their_proper_name(target: Path) -> None:
    files = render_files(with_target(target), target.parent / "site")
    href = f"../../../../artifacts/{KEY}"
    assert download_links(files) == {(href, "analysis-2-linux-64.tar.zst")}
    page_folder = target.parent / "site" / "environments" / "team" / "analysis"
    page_folder.mkdir(parents=True)
    assert (page_folder / href).read_bytes() == b"archive"


def test_a_folder_with_an_odd_name_is_linked_as_a_url(tmp_path: Path) -> None:
    target = tmp_path / 'odd "# folder?' / "artifacts"
    write_file(target / KEY, b"archive")
    ((href, _),) = download_links(render_files(with_target(target), tmp_path / "site"))
    assert "odd%20%22%23%20folder%3F/artifacts/blobs" in href


@pytest.mark.parametrize("case", ["gone", "elsewhere"])
def test_no_link_where_nothing_can_be_reached(target: Path, case: str) -> None:
    folder = target.parent / "site"
    if case == "gone":
        (target / KEY).unlink()
    else:
        folder = Path("/srv/www")
    files = render_files(with_target(target), folder)
    assert download_links(files) == set()
    assert "analysis-2-linux-64.tar.zst (not in this site)" in pages_of(files)[PAGE].words


def write(catalogue: Catalogue, folder: Path, *, with_artifacts: bool = False) -> None:
    write_site(
        catalogue,
        folder,
        read_lock=lambda _: LOCKFILE,
        run_name="run",
        with_artifacts=with_artifacts,
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_written_site_is_its_files_and_a_marker(target: Path) -> None:
    site = target.parent / "site"
    catalogue = with_target(target)
    write(catalogue, site)
    assert tree(site) == {
        **render_files(catalogue, site),
        ".gitstore-site": b'{"format": 1, "kind": "site"}\n',
    }
    assert tree(site)["environments/team/analysis/conda-lock.yml"] == LOCKFILE


def test_a_site_with_its_artifacts_is_whole_by_itself(target: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(with_target(target, base_url="https://envs.example.org"), site, with_artifacts=True)
    at = site / "environments" / "team"
    assert (at / "analysis" / "analysis-2-linux-64.tar.zst").read_bytes() == b"archive"
    assert (at / "copy" / "copy-2-linux-64.tar.zst").read_bytes() == b"archive"
    assert (target / KEY).stat().st_nlink == 3
    files = tree(site)
    name = "analysis-2-linux-64.tar.zst"
    assert download_links(files) == {(name, name)}
    assert f"https://envs.example.org/environments/team/analysis/{name}" in (
        pages_of(files)[PAGE].words
    )


def test_two_artifacts_of_one_name_never_write_into_the_target(target: Path) -> None:
    other = "blobs/sha256/cd/" + "cd" * 32
    write_file(target / other, b"another")
    environment = make_environment()
    downloads = (make_download(root=str(target)), make_download(root=str(target), key=other))
    content = replace(environment.contents[0], downloads=downloads)
    catalogue = make_sample(make_namespace(replace(environment, contents=(content,))))
    write(catalogue, target.parent / "site", with_artifacts=True)
    assert (target / KEY).read_bytes() == b"archive"
    assert (target / other).read_bytes() == b"another"


def another_file_system(than: Path) -> Path | None:
    """Find a folder to write to that hard links from `than` cannot reach."""
    for folder in (Path("/dev/shm"), Path("/var/tmp"), Path.cwd()):
        if os.access(folder, os.W_OK) and folder.stat().st_dev != than.stat().st_dev:
            return folder
    return None


def test_artifacts_are_copied_to_another_file_system_once(target: Path) -> None:
    elsewhere = another_file_system(target)
    if elsewhere is None:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=elsewhere) as other:
        site = Path(other) / "site"
        write(with_target(target), site, with_artifacts=True)
        found = sorted(site.rglob("*.tar.zst"))
        assert [path.read_bytes() for path in found] == [b"archive", b"archive"]
        assert found[0].samefile(found[1])
    assert (target / KEY).stat().st_nlink == 1
