"""``gitstore site build`` on a real store: real git, a real channel, real solves and builds."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitstore.git.repository import GitRepository
from gitstore.model.lockfile import render_lockfile
from gitstore.model.records import RECORDS_REF
from tests.site.samples import Page, read_page
from tests.support.lab import AUTHOR, WHEN, Lab, lock_path, spec_path

DESCRIBED = "gitstore: {description: Small things, owners: [cleo], tags: [tiny, test]}\n"


@pytest.fixture
def folder(lab: Lab) -> Path:
    return lab.root / "site"


def build(lab: Lab, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Build the site into the store's own folder."""
    done = lab.run("site", "build", str(lab.root / "site"), "--json", *arguments)
    assert done.code == code, done.out + done.err
    result: dict[str, Any] = done.json["result"]
    return result


def page(folder: Path, name: str = "tiny", namespace: str = "team") -> Page:
    return read_page((folder / "environments" / namespace / name / "index.html").read_bytes())


def document(folder: Path, name: str = "tiny", namespace: str = "team") -> dict[str, Any]:
    path = folder / "environments" / namespace / name / "environment.json"
    facts: dict[str, Any] = json.loads(path.read_bytes())
    return facts


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_records(lab: Lab, files: Mapping[str, bytes | None]) -> None:
    """Push to the records branch, as anybody who may push can."""
    repository = lab.repository()
    head = repository.resolve(RECORDS_REF)
    made = repository.commit(dict(files), parent=head, message="m", author=AUTHOR, when=WHEN)
    assert made is not None
    repository.compare_and_swap(RECORDS_REF, made, head)


def test_an_environment_from_spec_to_page(lab: Lab, folder: Path) -> None:
    lab.ask("emulsion 1.*", more=DESCRIBED)
    lab.apply()
    lab.ask("emulsion 2.*", "camera", more=DESCRIBED)
    lab.apply()
    result = build(lab)
    assert result["states"] == {"up-to-date": 1}
    assert result["index"] == str(folder / "index.html")

    words = page(folder).words
    assert "Small things" in words
    assert "Owners cleo" in words
    assert "Runs on Linux" in words
    assert "Version 2" in words
    assert "~ emulsion 1.5 -> 2.0" in words
    assert "Gitstore-Input" not in words
    facts = document(folder)
    direct = [p["name"] for p in facts["packages"]["linux-64"] if p["direct"]]
    assert direct == ["camera", "emulsion"]
    found = {p["name"]: p["version"] for p in facts["packages"]["linux-64"]}
    assert found == lab.packages()
    assert all(p["size"] and p["license"] for p in facts["packages"]["linux-64"])
    at = folder / "environments" / "team" / "tiny"
    assert (at / "conda-lock.yml").read_bytes() == lab.file(lock_path("tiny"))


@pytest.mark.component("zstd")
def test_the_download_is_the_artifact_and_its_commands_work(lab: Lab, folder: Path) -> None:
    lab.ask("lens", more=DESCRIBED)
    lab.apply()
    build(lab)
    at = folder / "environments" / "team" / "tiny"
    found = page(folder)
    link = next(a for a in found.all("a") if a.get("download") == "tiny-1-linux-64.tar.zst")
    archive = (at / link["href"]).resolve()
    assert archive in lab.blobs()

    home = lab.root / "client"
    home.mkdir()
    (home / "tiny-1-linux-64.tar.zst").write_bytes(archive.read_bytes())
    commands = next(part for part in found.parts if "sha256sum" in part)
    check, *unpack = commands.splitlines()
    # What follows needs a Python in the environment, and this one is tiny.
    script = "\n".join([check, *unpack[:2]])
    done = subprocess.run(
        ["bash", "-euc", script], cwd=home, capture_output=True, text=True, check=True
    )
    assert done.stdout == "tiny-1-linux-64.tar.zst: OK\n"
    assert (home / "tiny-1" / "bin" / "activate").is_file()


def test_every_state_is_told_and_what_was_locked_before_stays(lab: Lab, folder: Path) -> None:
    for name in ("fine", "fails", "typo", "gone"):
        lab.ask("lens", name=name, more=DESCRIBED)
    lab.apply()
    lab.push({spec_path("gone"): None, spec_path("typo"): "dependancies: [lens]\n"})
    lab.ask("oil", "water", name="fails", more=DESCRIBED)
    lab.apply(code=1)
    lab.ask("lens", name="new")
    result = build(lab)
    assert result["states"] == {
        "up-to-date": 1,
        "waiting": 1,
        "failed": 1,
        "problems": 1,
        "retired": 1,
    }
    assert "unsolvable" in page(folder, "fails").words
    assert "Hint" not in page(folder, "fails").words  # the style sheet says it
    assert "dependancies is not a key of a spec unknown-key" in page(folder, "typo").words
    assert "did you mean dependencies ?" in page(folder, "typo").words
    for name in ("fails", "typo", "gone"):
        facts = document(folder, name)
        assert facts["version"] == 1
        assert facts["description"] == "Small things"
        assert [p["name"] for p in facts["packages"]["linux-64"] if p["direct"]] == ["lens"]
        assert len(facts["downloads"]) == 1
        assert "What follows is version 1." in page(folder, name).words
    assert document(folder, "new")["version"] is None


def test_a_build_that_failed_and_one_that_is_yet_to_be_made(lab: Lab, folder: Path) -> None:
    lab.ask("lens", name="failing", more="gitstore: {tests: ['false']}\n")
    lab.ask("camera", name="locked")
    lab.apply(code=1)
    (path,) = lab.records("builds/")
    write_records(lab, {path: None})
    assert build(lab)["states"] == {"locked": 1, "failed": 1}
    words = page(folder, "failing").words
    assert "Linux:" in words
    assert "test-failed" in words
    for name in ("failing", "locked"):
        facts = document(folder, name)
        assert (facts["version"], facts["downloads"]) == (1, [])
        assert "micromamba create" in page(folder, name).words


def test_another_recipe_leaves_the_old_archive_until_the_new_one_is_built(
    lab: Lab, folder: Path
) -> None:
    lab.ask("lens")
    lab.apply()
    lab.ask("lens", more="gitstore: {tests: ['true']}\n")
    assert build(lab)["states"] == {"locked": 1}
    assert len(document(folder)["downloads"]) == 1


def test_a_spec_that_was_deleted_a_moment_ago_is_retired_already(lab: Lab, folder: Path) -> None:
    lab.ask("lens", more=DESCRIBED)
    lab.apply()
    lab.push({spec_path("tiny"): None})
    assert build(lab)["states"] == {"retired": 1}
    assert document(folder)["description"] == "Small things"


def test_a_namespace_without_commits_is_told(lab: Lab, folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(lab.root / "repositories" / "team.git")], check=True)
    GitRepository.create(lab.root / "repositories" / "team.git", bare=True)
    assert build(lab)["environments"] == 0
    index = read_page((folder / "index.html").read_bytes())
    assert "namespace team has no commits yet" in index.words


def test_the_state_does_not_depend_on_the_hour(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.ask("oil", "water")
    lab.apply(code=1)
    build(lab)
    first = tree(folder)
    from datetime import datetime, timezone

    from gitstore.cli.session import Session

    monkeypatch.setattr(Session, "now", lambda _: datetime(2099, 1, 1, tzinfo=timezone.utc))
    build(lab)
    assert tree(folder) == first
    assert document(folder)["state"] == "failed"


def test_the_same_store_gives_the_same_site_with_and_without_a_cache(
    lab: Lab, folder: Path
) -> None:
    lab.ask("camera", more=DESCRIBED)
    lab.ask("lens", name="other")
    lab.apply()
    build(lab)
    first = tree(folder)
    build(lab)
    assert tree(folder) == first
    subprocess.run(["rm", "-rf", str(lab.root / "cache")], check=True)
    build(lab)
    assert tree(folder) == first


def test_only_public_namespaces_go_into_a_public_site(lab: Lab, folder: Path) -> None:
    lab.add_namespace("open")
    settings = lab.root / "store.yml"
    text = settings.read_text()
    settings.write_text(
        re.sub(r"(path: repositories/open\.git)", r"\1\n    visibility: public", text)
    )
    lab.push({spec_path("secret"): "dependencies: [lens]\n"}, namespace="team")
    lab.push({spec_path("shown"): "dependencies: [lens]\n"}, namespace="open")
    lab.apply()
    assert build(lab)["namespaces"] == 2
    result = build(lab, "--public")
    assert (result["namespaces"], result["environments"]) == (1, 1)
    everything = b"".join(tree(folder).values())
    assert b"shown" in everything
    assert b"secret" not in everything
    assert b"team" not in everything


def test_several_platforms_and_what_was_left_out(tmp_path: Path, tiny_channel: str) -> None:
    lab = Lab.make(tmp_path / "lab", channel=tiny_channel, platforms=("linux-64", "win-64"))
    lab.ask("prefix-probe", name="left-out")
    lab.ask("shutter", name="both", more="platforms: [linux-64, osx-arm64]\n")
    lab.apply()
    assert build(lab)["states"] == {"up-to-date": 2}
    words = page(lab.root / "site", "left-out").words
    assert "Left out: Windows, since" in words
    both = document(lab.root / "site", "both")
    assert both["platforms"] == ["linux-64", "osx-arm64"]
    assert [download["platform"] for download in both["downloads"]] == ["linux-64"]


def test_a_lockfile_that_nobody_verified_is_not_passed_off_as_one(lab: Lab, folder: Path) -> None:
    lab.ask("lens", name="source")
    lab.apply()
    brought = render_lockfile(lab.lock("source"))
    lab.push({lock_path("brought"): brought})
    assert build(lab)["states"] == {"up-to-date": 1, "lock-only": 1}
    words = page(folder, "brought").words
    assert "gitstore has not verified it" in words
    assert "not verified by gitstore" in words

    # One that somebody put beside a spec: the verified one stays on the page.
    lab.push({lock_path("source"): brought.replace(b"'2.0'", b"'6.6'")}, message="sneak")
    build(lab)
    facts = document(folder, "source")
    assert facts["state"] == "waiting"
    assert facts["version"] == 1
    assert [release["verified"] for release in facts["history"]] == [False, True]
    lock = folder / "environments" / "team" / "source" / "conda-lock.yml"
    assert lock.read_bytes() == brought


def test_a_lockfile_with_a_secret_is_not_handed_out(lab: Lab, folder: Path) -> None:
    lab.ask("lens", name="source")
    lab.apply()
    brought = render_lockfile(lab.lock("source")).replace(b"file://", b"https://me:hunter2@host")
    lab.push({lock_path("brought"): brought})
    build(lab)
    assert document(folder, "brought")["lockfile"] is None
    assert b"hunter2" not in b"".join(tree(folder).values())


def test_broken_settings_lose_no_page(lab: Lab, folder: Path) -> None:
    lab.ask("lens", more=DESCRIBED)
    lab.apply()
    before = document(folder) if build(lab) else {}
    lab.push({"gitstore.yml": "plattforms: [linux-64]\n"})
    assert build(lab)["states"] == {"problems": 1}
    after = document(folder)
    assert after["packages"] == before["packages"]
    assert "plattforms is not a key" in page(folder).words or "unknown-key" in page(folder).words


def test_a_namespace_that_cannot_be_read_leaves_the_others_their_pages(
    lab: Lab, folder: Path
) -> None:
    lab.ask("lens")
    lab.apply()
    lab.add_namespace("lost")
    subprocess.run(["rm", "-rf", str(lab.root / "repositories" / "lost.git")], check=True)
    result = build(lab, code=1)
    assert result["environments"] == 1
    assert len(result["unreadable"]) == 1
    index = read_page((folder / "index.html").read_bytes())
    assert "no git repository can be opened" in index.words
    done = lab.run("site", "build", str(folder))
    assert done.code == 1
    assert "error: no git repository can be opened" in done.err


def test_a_freeze_and_an_empty_namespace_are_told(lab: Lab, folder: Path) -> None:
    lab.add_namespace("quiet")
    lab.ask("lens")
    lab.apply()
    settings = (lab.file("gitstore.yml") or b"").decode()
    lab.push({"gitstore.yml": settings + "\nfreeze: {reason: <b>exam week</b>}\n"})
    assert build(lab)["states"] == {"up-to-date": 1}
    words = read_page((folder / "index.html").read_bytes()).words
    assert "Frozen: <b>exam week</b>" in words
    assert "no spec was found" in words


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not json", id="not-json"),
        pytest.param(b'{"format": 1}', id="empty"),
        pytest.param(b'{"format": 9}', id="newer"),
        pytest.param(
            b'{"format": 1, "lock": {"oid": [], "content": 1}, "number": "x"}', id="types"
        ),
    ],
)
def test_a_damaged_record_costs_one_environment_its_page_and_no_other(
    lab: Lab, folder: Path, data: bytes
) -> None:
    lab.ask("lens", name="fine")
    lab.ask("lens", name="hurt")
    lab.apply()
    (path,) = lab.records("solves/hurt/")
    write_records(lab, {path: data})
    assert build(lab)["states"] == {"up-to-date": 1, "unreadable": 1}
    assert "record" in page(folder, "hurt").words


def test_names_out_of_records_are_no_paths(lab: Lab, folder: Path) -> None:
    lab.ask("lens")
    lab.apply()
    (record,) = lab.records("solves/").values()
    data = json.dumps(record).encode()
    write_records(lab, {f"solves/{name}/0.json": data for name in ("<b>", "CON", "a b", "ok")})
    assert build(lab)["environments"] == 2
    assert sorted(p.name for p in (folder / "environments" / "team").iterdir()) == ["ok", "tiny"]


def test_a_folder_of_somebody_is_refused_before_anything_is_read(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "thesis"
    place.mkdir()
    (place / "chapter.tex").write_text("all my work")
    done = lab.run("site", "build", str(place))
    assert done.code == 2
    assert "was not made by `gitstore site build`" in done.err
    assert f"hint: name another folder, such as {place}/site" in done.err
    assert [path.name for path in place.iterdir()] == ["chapter.tex"]
    assert lab.run("site", "build", str(lab.root)).code == 2


def test_the_command_says_what_it_made_and_what_to_type_next(lab: Lab, folder: Path) -> None:
    lab.ask("lens")
    lab.apply()
    done = lab.run("site", "build", str(folder))
    assert done.code == 0
    assert done.out.splitlines() == [
        f"1 environment of 1 namespace in {folder}",
        "  1  up to date",
    ]
    assert done.err.splitlines()[-1].endswith(f"open {folder}/index.html")


def test_a_site_with_its_artifacts_needs_no_store(lab: Lab, folder: Path) -> None:
    lab.ask("lens")
    lab.apply()
    build(lab, "--with-artifacts")
    archive = folder / "environments" / "team" / "tiny" / "tiny-1-linux-64.tar.zst"
    assert archive.read_bytes() in [blob.read_bytes() for blob in lab.blobs()]
    hrefs = [a["href"] for a in page(folder).all("a")]
    assert archive.name in hrefs
    assert not any("artifacts" in href for href in hrefs)
