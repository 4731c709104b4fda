"""Channels: their terms, aliases, mirrors, credentials, and no network; over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from tests.support.lab import Lab, lock_path, spec_path
from tests.support.web import serving

PASSWORD = "pl4nted-s3cret"


def folder_of(channel: str) -> Path:
    return Path(url2pathname(urlsplit(channel).path))


def settle(lab: Lab, text: str) -> None:
    """Add settings to the store."""
    file = lab.root / "store.yml"
    file.write_text(file.read_text() + text)


def everything(lab: Lab) -> bytes:
    """Return every byte that the store and its repositories hold, caches of the engine too."""
    return b"".join(path.read_bytes() for path in sorted(lab.root.rglob("*")) if path.is_file())


def ask_of(lab: Lab, *channels: str, dependencies: str = "lens") -> None:
    listed = "".join(f"  - {channel}\n" for channel in (*channels, "nodefaults"))
    lab.push({spec_path("tiny"): f"channels:\n{listed}dependencies: ['{dependencies}']\n"})


def test_terms_that_nobody_accepted_stop_the_solve_and_say_who_can(lab: Lab) -> None:
    for channel in ("defaults", "https://repo.anaconda.com/pkgs/main", "anaconda"):
        ask_of(lab, channel)
        assert lab.run("check", "team").code == 0, "a person may not know the store"
        (outcome,) = lab.apply(code=1)
        assert outcome["error"]["code"] == "channel-terms"
        assert "accepted-by" in outcome["error"]["hint"]
        (preview,) = lab.run("preview", "team", "--json").json["result"][0]["environments"]
        assert preview["error"]["code"] == "channel-terms"


TERMS = 'channels:\n  terms: [{channel: pkgs/main, accepted-by: ops, date: "2026-11-01"}]\n'


def test_accepted_terms_a_mirror_and_the_channels_own_url_in_the_lock(lab: Lab) -> None:
    with serving(folder_of(lab.channel)) as web:
        mirrors = f"  mirrors: {{'https://repo.anaconda.com/pkgs/main': ['{web.url}']}}\n"
        settle(lab, TERMS + mirrors)
        ask_of(lab, "pkgs/main")
        lab.apply()
        package = lab.lock().packages[0]
        assert package.url.startswith("https://repo.anaconda.com/pkgs/main/")
        assert lab.lock().channels == ("https://repo.anaconda.com/pkgs/main",)
        assert any(path.endswith(package.file_name) for path in web.asked), (
            "it was built from there"
        )
        assert web.url not in (lab.file(lock_path("tiny")) or b"").decode()


def test_no_acceptance_helps_what_is_public(lab: Lab) -> None:
    settle(lab, TERMS)
    file = lab.root / "store.yml"
    text = file.read_text()
    assert "path: repositories/team.git" in text
    file.write_text(
        text.replace(
            "path: repositories/team.git", "path: repositories/team.git\n    visibility: public"
        )
    )
    ask_of(lab, "pkgs/main")
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "channel-terms"
    assert "everybody" in outcome["error"]["message"]


def test_an_alias_is_a_channel_in_specs_in_matchspecs_and_in_rules(lab: Lab) -> None:
    settle(
        lab,
        f"channels:\n  aliases: {{internal: '{lab.channel}'}}\npolicy:\n  channels: [internal]\n",
    )
    ask_of(lab, "internal", dependencies="internal::lens")
    lab.apply()
    assert lab.lock().channels == (lab.channel,)
    assert lab.lock().packages[0].url.startswith(lab.channel)


def test_a_private_channel_with_credentials_of_the_engines_store(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(folder_of(lab.channel), password=PASSWORD) as web:
        ask_of(lab, web.url)
        (outcome,) = lab.apply(code=1)
        assert outcome["error"]["code"] == "channel-unavailable"
        assert outcome["error"]["retryable"]
        file = tmp_path / "auth.json"
        file.write_text(
            json.dumps({"127.0.0.1": {"BasicHTTP": {"username": "user", "password": PASSWORD}}})
        )
        monkeypatch.setenv("RATTLER_AUTH_FILE", str(file))
        lab.apply("--retry")
        assert "lens" in lab.packages()
        assert lab.records("builds/")
    assert PASSWORD.encode() not in everything(lab)


def test_offline_uses_what_was_read_before_and_asks_nobody(lab: Lab) -> None:
    with serving(folder_of(lab.channel)) as web:
        ask_of(lab, web.url)
        lab.apply()
        ask_of(lab, web.url, dependencies="lens >=0")
        web.asked.clear()
        (preview,) = lab.run("preview", "team", "--offline", "--json").json["result"][0][
            "environments"
        ]
        assert preview["status"] == "up-to-date", preview["error"]
        assert web.asked == []
        ask_of(lab, f"{web.url}/never-read")
        (preview,) = lab.run("preview", "team", "--offline", "--json").json["result"][0][
            "environments"
        ]
        assert preview["error"]["code"] == "channel-unavailable"
        assert web.asked == []


@pytest.mark.parametrize("place", ["user", "token"])
def test_a_secret_in_a_mirrors_url_is_refused_and_never_shown(lab: Lab, place: str) -> None:
    url = {
        "user": f"https://me:{PASSWORD}@host.example/c",
        "token": f"https://host.example/t/{PASSWORD}/c",
    }[place]
    settle(lab, f"channels:\n  mirrors: {{'https://conda.example/c': ['{url}']}}\n")
    done = lab.run("plan")
    assert done.code == 10
    assert "channel-secret" in done.out + done.err
    assert PASSWORD not in done.out + done.err
