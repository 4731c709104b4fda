"""Values of the catalogue to test with, and a reader of pages that is as strict as a browser."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from gitstore.site.catalogue import (
    Catalogue,
    Content,
    Download,
    Environment,
    Failure,
    Finding,
    Namespace,
    Package,
    Release,
    make_catalogue,
)
from gitstore.site.render import Linker, render_site

DIGEST = "sha256:" + "ab" * 32
KEY = f"blobs/sha256/ab/{'ab' * 32}"
LOCKFILE = b"version: 1\n"
_VOID = {"meta", "link", "input", "br"}


def make_release(number: int = 2, **more: Any) -> Release:
    values: dict[str, Any] = {
        "number": number,
        "commit": f"{number}" * 40,
        "time": 1_795_000_000 + number * 86_400,
        "subject": "lock analysis: 1 added",
        "body": "linux-64:\n  + psutil 7.2.2",
        "verified": True,
        **more,
    }
    return Release(**values)


def make_package(name: str = "numpy", **more: Any) -> Package:
    values: dict[str, Any] = {
        "name": name,
        "version": "2.4.6",
        "build": "py311_0",
        "size": 15_000_000,
        "license": "BSD-3-Clause",
        **more,
    }
    return Package(**values)


def make_download(**more: Any) -> Download:
    values: dict[str, Any] = {
        "platform": "linux-64",
        "kind": "archive",
        "name": "analysis-2-linux-64.tar.zst",
        "digest": DIGEST,
        "size": 50_000_000,
        "key": KEY,
        **more,
    }
    return Download(**values)


def make_environment(**more: Any) -> Environment:
    shown = make_release(2)
    values: dict[str, Any] = {
        "namespace": "team",
        "name": "analysis",
        "state": "up-to-date",
        "description": "Tables, plots and statistics",
        "owners": ("alia",),
        "tags": ("teaching",),
        "platforms": ("linux-64", "osx-arm64"),
        "channels": ("https://conda.example/channel",),
        "contents": (
            Content(
                platform="linux-64",
                direct=(make_package(),),
                others=(make_package("openssl"),),
                downloads=(make_download(),),
            ),
            Content(platform="osx-arm64", direct=(), others=(make_package(),)),
        ),
        "history": (shown, make_release(1)),
        "shown": shown,
        "lock": "77" * 20,
        **more,
    }
    return Environment(**values)


def make_namespace(*environments: Environment, **more: Any) -> Namespace:
    values: dict[str, Any] = {
        "name": "team",
        "visibility": "private",
        "revision": "9b" * 20,
        **more,
    }
    return Namespace(**{"environments": environments or (make_environment(),), **values})


def make_sample(*namespaces: Namespace, **more: Any) -> Catalogue:
    values: dict[str, Any] = {
        "store": "lab",
        "title": None,
        "base_url": None,
        "public": False,
        **more,
    }
    return make_catalogue(namespaces or (make_namespace(),), **values)


def make_failure(**more: Any) -> Failure:
    values: dict[str, Any] = {
        "platform": None,
        "code": "unsolvable",
        "message": "no candidates for `numpy >=99`",
        "hint": "loosen `numpy`",
        "retry_after": None,
        **more,
    }
    return Failure(**values)


def make_everywhere(text: str) -> Catalogue:
    """Put one text into every field that a stranger can fill."""
    finding = Finding(code="wrong-type", message=text, hint=text, place=text)
    package = make_package(text, version=text, build=text, license=text)
    shown = make_release(2, subject=text, body=text, verified=False)
    environment = make_environment(
        state="failed",
        description=text,
        owners=(text,),
        tags=(text,),
        channels=(text,),
        contents=(
            Content(
                platform="linux-64",
                direct=(package, replace(package, manager=text)),
                others=(package,),
                downloads=(make_download(kind=text),),
            ),
        ),
        dropped={text: text},
        findings=(finding,),
        failures=(make_failure(platform=text, message=text, hint=text, retry_after=text),),
        history=(shown,),
        shown=shown,
    )
    namespace = make_namespace(environment, frozen=text, findings=(finding,))
    return make_sample(namespace, title=text, base_url=text)


def render_files(
    catalogue: Catalogue, folder: Path = Path("/srv/site"), *, inside: bool = False
) -> dict[str, bytes]:
    """Render the files of a site, written nowhere."""
    linker = Linker(catalogue=catalogue, folder=folder, inside=inside)
    return dict(render_site(catalogue, linker, lambda _: LOCKFILE))


def pages_of(files: dict[str, bytes]) -> dict[str, Page]:
    """Read every page."""
    return {path: read_page(data) for path, data in files.items() if path.endswith(".html")}


@dataclass
class Page:
    """What a browser sees of a page: elements with their attributes, and the text."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    parts: list[str] = field(default_factory=list)
    title_text: str = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        """The text with single spaces, elements apart from each other."""
        return " ".join(" ".join(self.parts).split())


def read_page(data: bytes) -> Page:
    """Read a page; an element that is not closed, or closed in the wrong place, is an error."""
    page = Page()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = [name for name, _ in attrs]
            assert len(names) == len(set(names)), (tag, names)
            page.elements.append((tag, {name: value or "" for name, value in attrs}))
            if tag not in _VOID:
                page.unclosed.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert page.unclosed.pop() == tag

        def handle_data(self, data: str) -> None:
            page.text += data
            page.parts.append(data)
            if page.unclosed[-1:] == ["title"]:
                page.title_text += data

    reader = Reader(convert_charrefs=True)
    reader.feed(data.decode("utf-8"))
    reader.close()
    assert page.unclosed == []
    return page
