"""The site in Chromium: it asks nobody, finds, copies, and fits a telephone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from gitstore.site.render import write_site
from tests.site.samples import (
    LOCKFILE,
    make_environment,
    make_everywhere,
    make_namespace,
    make_sample,
)

pytestmark = pytest.mark.component("chromium", "playwright")
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
HOSTILE = '"><script>document.title = "hit"</script><img src=//evil.example/x onerror=alert(1)>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of two ordinary environments and one that a stranger filled in."""
    folder = tmp_path_factory.mktemp("browser") / "site"
    hostile = make_everywhere(HOSTILE).namespaces[0].environments[0]
    hostile = replace(hostile, namespace="strange", name="hostile")
    ordinary = make_namespace(
        make_environment(),
        make_environment(name="maps", description="Geography", state="failed"),
        make_environment(name="plots"),
    )
    strange = make_namespace(hostile, name="strange", frozen=HOSTILE)
    write_site(make_sample(ordinary, strange), folder, read_lock=lambda _: LOCKFILE, run_name="run")
    return folder


def open_page(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    """Open a page in a window of its own; the list fills with what it asks for and complains of."""
    context = browser.new_context(**options)
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: noise.append(dialog.message))
    page.on("request", lambda request: noise.append(request.url))
    page.goto(path.as_uri())
    return page, noise


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "environments/team/analysis/index.html",
        "environments/strange/hostile/index.html",
    ],
)
def test_a_page_asks_for_its_own_files_and_runs_nothing_else(
    browser: Any, site: Path, path: str
) -> None:
    page, noise = open_page(browser, site / path)
    own = {(site / path).as_uri()}
    own |= {(site / "static" / name).as_uri() for name in ("site.css", "site.js", "icon.svg")}
    assert set(noise) <= own
    assert (site / "static" / "site.js").as_uri() in noise
    assert page.title() != "hit"
    assert page.evaluate("document.styleSheets.length") == 1


def test_typing_finds_environments_and_hides_namespaces_without_any(
    browser: Any, site: Path
) -> None:
    page, _ = open_page(browser, site / "index.html")
    page.get_by_label("Find an environment").fill("GEO failed")
    assert page.locator("#filter-found").inner_text() == "1 of 4 environments"
    assert page.locator("[data-item]:visible h3").all_inner_texts() == ["maps"]
    assert page.locator("h2:visible").all_inner_texts() == ["team"]
    page.get_by_label("Find an environment").fill("")
    assert page.locator("[data-item]:visible").count() == 4
    assert page.locator("#filter-found").inner_text() == ""


def test_without_scripts_everything_is_there_and_nothing_is_broken(
    browser: Any, site: Path
) -> None:
    page, _ = open_page(browser, site / "index.html", java_script_enabled=False)
    assert page.locator("[data-item]:visible").count() == 4
    assert page.locator("#filter:visible").count() == 0
    page.get_by_role("link", name="analysis").first.click()
    assert page.locator("pre.commands").first.is_visible()


@pytest.mark.parametrize("path", ["index.html", "environments/team/analysis/index.html"])
def test_nothing_is_wider_than_a_telephone(browser: Any, site: Path, path: str) -> None:
    page, _ = open_page(browser, site / path, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_keyboard_reaches_the_content_first(browser: Any, site: Path) -> None:
    page, _ = open_page(browser, site / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_commands_are_copied_as_they_stand(browser: Any, site: Path) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    path = site / "environments" / "team" / "analysis" / "index.html"
    page, _ = open_page(browser, path, permissions=permissions)
    page.get_by_role("button", name="Copy").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[1] == "mkdir analysis-2"
    assert page.get_by_role("button", name="Copied").is_visible()


def test_dark_mode_follows_the_system(browser: Any, site: Path) -> None:
    shade = "getComputedStyle(document.body).backgroundColor"
    light, _ = open_page(browser, site / "index.html", color_scheme="light")
    dark, _ = open_page(browser, site / "index.html", color_scheme="dark")
    assert light.evaluate(shade) == "rgb(246, 247, 249)"
    assert dark.evaluate(shade) == "rgb(17, 21, 26)"
