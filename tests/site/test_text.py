"""Texts: harmless whoever wrote them, readable whoever reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitstore.site.text import (
    clean,
    code_words,
    date_words,
    first_line,
    iso_time,
    minute_words,
    moment_words,
    platform_words,
    size_words,
    split_message,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("two\nlines\tand a tab", "two\nlines\tand a tab", id="white-space"),
        pytest.param("a\r\nb", "a\nb", id="windows-lines"),
        pytest.param("a\x00b\x1b[31m\x7f", "a�b�[31m�", id="control"),
        pytest.param("safe\u202efdp.exe", "safe�fdp.exe", id="right-to-left-override"),
        pytest.param("\u2066x\u2069", "�x�", id="isolates"),
        pytest.param("\ud800", "�", id="surrogate"),
        pytest.param("مرحبا 👩‍🔬", "مرحبا 👩‍🔬", id="real-writing"),
        pytest.param("<b> & {{ x }}", "<b> & {{ x }}", id="markup-is-the-templates-business"),
        pytest.param(
            "see https://me:secret@host/t/tk-123/x", "see https://***@host/t/***/x", id="secrets"
        ),
    ],
)
def test_clean_leaves_no_trick_and_no_secret(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text(st.characters(codec=None)))
def test_clean_text_can_always_be_written_and_stays_clean(text: str) -> None:
    once = clean(text)
    once.encode("utf-8")
    json.dumps(once, ensure_ascii=False).encode("utf-8")
    assert clean(once) == once


def test_the_first_line_of_an_endless_message_is_cut() -> None:
    assert first_line("\n\n one \ntwo") == "one"
    assert first_line("") == ""
    assert first_line("x" * 10_000) == "x" * 299 + "…"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("subject\n", ("subject", ""), id="subject"),
        pytest.param("", ("", ""), id="empty"),
        pytest.param(
            "lock cli: 2 added\n\nlinux-64:\n  + rich 14\n  + click 8\n\n"
            "Gitstore-Environment: cli\nGitstore-Input: sha256:00\n",
            ("lock cli: 2 added", "linux-64:\n  + rich 14\n  + click 8"),
            id="ours",
        ),
        pytest.param(
            "edit\n\nwhy\n\nmore\n\nSigned-off-by: Alia <alia@example.org>\n",
            ("edit", "why\n\nmore"),
            id="no-addresses",
        ),
        pytest.param("a\n\nlinux-64:\n  ~ b 1 -> 2", ("a", "linux-64:\n  ~ b 1 -> 2"), id="diff"),
        pytest.param("retire a\n\nGitstore-Environment: a\n", ("retire a", ""), id="only-trailers"),
    ],
)
def test_a_message_is_a_subject_and_a_body_without_trailers(
    message: str, expected: tuple[str, str]
) -> None:
    assert split_message(message) == expected


def test_an_endless_body_is_cut() -> None:
    _, body = split_message("subject\n\n" + "line\n" * 100_000)
    assert len(body) < 21_000
    assert body.endswith("…")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, ""),
        (0, "0 bytes"),
        (894, "894 bytes"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (50_088_298, "50 MB"),
        (2_400_000_000, "2.4 GB"),
        (1_234_000_000_000, "1,234 GB"),
    ],
)
def test_sizes_as_people_write_them(size: int | None, expected: str) -> None:
    assert size_words(size) == expected


def test_times_are_utc_and_english_everywhere() -> None:
    assert date_words(1_795_390_000) == "22 Nov 2026"
    assert minute_words(1_795_390_000) == "22 Nov 2026, 23:26 UTC"
    assert iso_time(1_795_390_000) == "2026-11-22T23:26:40Z"
    assert moment_words("2026-11-22T23:26:40Z") == "22 Nov 2026, 23:26 UTC"


@pytest.mark.parametrize("time", [10**18, -(10**18)])
def test_a_commit_from_no_calendar_breaks_nothing(time: int) -> None:
    assert date_words(time) == "1 Jan 1970"


def test_what_is_no_time_stays_as_it_is() -> None:
    assert moment_words("<b>soon</b>") == "<b>soon</b>"


def test_platforms_in_peoples_words() -> None:
    assert platform_words("osx-arm64") == "Mac (Apple)"
    assert platform_words("linux-s390x") == "linux-s390x"


def test_backticks_become_code_and_markup_does_not() -> None:
    assert code_words("raise `a<b` now") == "raise <code>a&lt;b</code> now"
    assert code_words("one ` alone <i>") == "one ` alone &lt;i&gt;"
    assert code_words("<script>`</script>`") == "&lt;script&gt;<code>&lt;/script&gt;</code>"
