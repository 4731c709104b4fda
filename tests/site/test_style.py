"""The style sheet and the script: legible in both modes, and nothing that comes from elsewhere."""

from __future__ import annotations

import re
from itertools import product

import pytest

from gitstore.resources import data_path

SITE = data_path("templates") / "site"
CSS = (SITE / "site.css").read_text(encoding="utf-8")
PAIRS = [
    *product(("text", "muted", "accent"), ("page", "card", "well")),
    *((name, f"{name}-back") for name in ("good", "work", "wait", "bad", "rest")),
]


def colours(dark: bool) -> dict[str, str]:
    """Return the colours of a mode by name."""
    light, _, rest = CSS.partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", light))
    later = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", rest))
    return {**found, **later} if dark else found


def luminance(colour: str) -> float:
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_has_the_contrast_that_wcag_aa_asks_for(front: str, back: str, dark: bool) -> None:
    found = colours(dark)
    assert contrast(found[front], found[back]) >= 4.5


def test_nothing_is_fetched_from_elsewhere() -> None:
    for file in SITE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text), file


def test_templates_hold_nothing_but_loops_and_conditions() -> None:
    for file in SITE.glob("*.html"):
        text = file.read_text(encoding="utf-8")
        tags = set(re.findall(r"{%-? *(\w+)", text))
        assert tags <= {"for", "endfor", "if", "elif", "else", "endif"} | {
            "extends",
            "block",
            "endblock",
            "include",
        }, file
        assert "safe" not in re.findall(r"\| *(\w+)", text), file
        assert " style=" not in text, file
        assert not re.search(r"<script(?! src=)|<style| on[a-z]+=", text), file
