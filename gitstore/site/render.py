"""Render the catalogue: templates to pages, and the whole site into its folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from gitstore import __version__
from gitstore.files import disk_error, write_file
from gitstore.resources import data_path
from gitstore.site.catalogue import STATES, Catalogue, Download, Environment, Package
from gitstore.site.commands import LOCKFILE_NAME, Link, ways_to_get
from gitstore.site.documents import (
    DOCUMENT_NAME,
    render_environment_document,
    render_index_document,
)
from gitstore.site.folder import replace_site
from gitstore.site.text import (
    code_words,
    date_words,
    iso_time,
    minute_words,
    moment_words,
    platform_words,
    size_words,
)

# From an environment's page up to the root of the site: environments/NAMESPACE/NAME/.
_UP = "../../../"
_STATIC = ("site.css", "site.js", "icon.svg")


class PageRenderer:
    """Renders pages. Templates are compiled once, and each package becomes a row once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(data_path("templates") / "site"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        jinja.filters |= {
            "platform": platform_words,
            "size": size_words,
            "date": date_words,
            "minute": minute_words,
            "iso": iso_time,
            "moment": moment_words,
            "ticks": code_words,
        }
        row = jinja.get_template("package.html")

        @cache
        def package_row(package: Package) -> str:
            return row.render(package=package)

        def package_rows(packages: Iterable[Package]) -> Markup:
            return Markup("".join(map(package_row, packages)))  # noqa: S704  a template's output

        jinja.filters["rows"] = package_rows
        jinja.globals |= {
            "catalogue": catalogue,
            "gitstore_version": __version__,
            "lockfile_name": LOCKFILE_NAME,
            "document_name": DOCUMENT_NAME,
        }
        self._index = jinja.get_template("index.html")
        self._environment = jinja.get_template("environment.html")

    def render_index(self) -> str:
        """Return the first page."""
        counts = self._catalogue.count_states().items()
        return self._index.render(root="", counts=counts, states=STATES)

    def render_environment(
        self, environment: Environment, link_of: Callable[[Environment, Download], Link]
    ) -> str:
        """Return the page of an environment."""
        links = [(download, link_of(environment, download)) for download in environment.downloads]
        return self._environment.render(
            root=_UP,
            environment=environment,
            links=links,
            ways=ways_to_get(self._catalogue, environment, links),
        )


@dataclass(slots=True)
class Linker:
    """Finds the way from an environment's page to a download.

    ``folder`` is where the site will be; with ``inside`` artifacts go into the site itself.
    """

    catalogue: Catalogue
    folder: Path
    inside: bool
    _ways: dict[str, str | None] = field(default_factory=dict)

    def __call__(self, environment: Environment, download: Download) -> Link:
        if download.root is None or not (Path(download.root) / download.key).is_file():
            return Link()
        if self.inside:
            base = self.catalogue.base_url
            url = f"{base}{environment.path}/{download.name}" if base is not None else None
            return Link(href=download.name, url=url)
        if download.root not in self._ways:
            self._ways[download.root] = self._way(download.root)
        way = self._ways[download.root]
        return Link(href=f"{way}/{download.key}") if way is not None else Link()

    def _way(self, root: str) -> str | None:
        """Return the relative way to a target; None where only the file system's root is shared."""
        if os.path.commonpath([root, self.folder]) == os.path.sep:
            return None
        return quote(os.path.relpath(root, self.folder / "environments" / "namespace" / "name"))


def write_site(
    catalogue: Catalogue,
    folder: Path,
    *,
    read_lock: Callable[[Environment], bytes],
    run_name: str,
    with_artifacts: bool = False,
) -> None:
    """Write the whole site into ``folder``, in the place of the one before.

    Raises:
        UsageError: something is at ``folder`` that gitstore did not make.
        DiskError: it cannot be written.
    """
    linker = Linker(catalogue=catalogue, folder=folder.resolve(), inside=with_artifacts)

    def fill(fresh: Path) -> None:
        for path, data in render_site(catalogue, linker, read_lock):
            write_file(fresh / path, data, durable=False)
        if with_artifacts:
            _take_artifacts(catalogue, fresh)

    replace_site(folder, fill, run_name=run_name)


def render_site(
    catalogue: Catalogue, linker: Linker, read_lock: Callable[[Environment], bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the site but the artifacts: its path, and its bytes."""
    pages = PageRenderer(catalogue)
    for name in _STATIC:
        yield f"static/{name}", (data_path("templates") / "site" / name).read_bytes()
    yield "index.html", pages.render_index().encode()
    yield "index.json", render_index_document(catalogue).encode()
    for environment in catalogue.environments:
        at = environment.path
        yield f"{at}/index.html", pages.render_environment(environment, linker).encode()
        yield f"{at}/{DOCUMENT_NAME}", render_environment_document(environment).encode()
        if environment.lock is not None:
            yield f"{at}/{LOCKFILE_NAME}", read_lock(environment)


def _take_artifacts(catalogue: Catalogue, fresh: Path) -> None:
    """Put the artifacts beside their pages: hard links where the file system allows, else copies.

    What several environments share is copied once and linked from then on.
    """
    taken: dict[str, Path] = {}
    for environment in catalogue.environments:
        for download in environment.downloads:
            source = taken.get(download.key, Path(download.root or "") / download.key)
            target = fresh / environment.path / download.name
            # A copy into a name that is taken would write through a hard link.
            if download.root is None or not source.is_file() or target.exists():
                continue
            try:
                try:
                    os.link(source, target)
                except OSError:
                    shutil.copyfile(source, target)
            except OSError as exc:
                raise disk_error(exc, target) from exc
            taken[download.key] = target
