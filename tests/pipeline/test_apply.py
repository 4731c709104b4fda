"""Apply on a real store: real git, a real channel, real solves and installs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gitstore.model.canonical import short
from gitstore.model.lockfile import render_lockfile, sorted_packages
from gitstore.model.records import RECORDS_REF
from gitstore.pipeline.commit import commit_changes
from tests.support.lab import AUTHOR, WHEN, Lab, lock_path, spec_path


def verbs(outcomes: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(outcome["verb"], outcome["environment"]) for outcome in outcomes]


def test_a_spec_becomes_a_lockfile_an_archive_and_records(lab: Lab) -> None:
    spec_commit = lab.ask("lens")
    assert verbs(lab.apply()) == [("lock", "tiny"), ("build", "tiny")]

    assert "lens" in lab.packages()
    assert lab.messages()[0].startswith("lock tiny: ")
    solves, builds = lab.records("solves/"), lab.records("builds/")
    (solve,) = solves.values()
    (build,) = builds.values()
    assert solve["spec"] == {"path": spec_path("tiny"), "commit": spec_commit}
    assert solve["number"] == 1
    assert solve["lock"]["content"] == lab.lock().content()
    assert build["content"] == solve["lock"]["content"]["linux-64"]
    assert list(builds) == [
        f"builds/linux-64/{short(build['content'])}-{short(build['recipe']['digest'], 8)}.json"
    ]
    (artifact,) = build["artifacts"]
    assert artifact["digest"][7:] in {blob.name for blob in lab.blobs()}
    assert {record["name"] for record in lab.records("packages/").values()} == set(lab.packages())


def test_the_commit_message_is_the_package_diff_with_trailers(lab: Lab) -> None:
    spec_commit = lab.ask("emulsion 1.*")
    lab.apply()
    lab.ask("emulsion 2.*", "history 1.0.0")
    lab.apply()
    repository = lab.repository()
    messages = [repository.message(commit.oid) for commit in repository.first_parents(lab.head())]
    assert "  ~ emulsion 1.5 -> 2.0\n" in messages[0]
    assert "  + history 1.0.0\n" in messages[0]
    trailers = messages[2].rstrip().rsplit("\n\n", 1)[1].splitlines()
    assert [line.partition(": ")[0] for line in trailers] == [
        "Gitstore-Environment",
        "Gitstore-Input",
        "Gitstore-Spec-Commit",
    ]
    assert trailers[2].endswith(spec_commit)


def test_apply_again_does_nothing_and_writes_nothing(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    head, records = lab.head(), lab.repository().resolve(RECORDS_REF)
    assert lab.apply() == []
    assert (lab.head(), lab.repository().resolve(RECORDS_REF)) == (head, records)
    assert [item["reason"] for item in lab.plan()] == ["up-to-date"]


def test_editing_one_spec_solves_that_one_and_moves_only_what_is_forced(lab: Lab) -> None:
    lab.ask("emulsion 1.0", "history 1.0.0", name="first")
    lab.ask("camera", name="second")
    lab.apply()
    before = lab.packages("first")
    # Both could be newer now; only the one that is named is asked to move.
    lab.ask("emulsion", "history", "oil", name="first")
    outcomes = lab.apply()
    assert verbs(outcomes) == [("lock", "first"), ("build", "first")]
    after = lab.packages("first")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"oil"}


def test_descriptions_owners_and_comments_relock_nothing(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    lab.ask("lens", more="# a comment\nname: other\ngitstore: {description: new, owners: [a]}\n")
    assert lab.apply() == []


def test_all_platforms_in_one_lockfile_and_no_runner_is_a_skip(lab: Lab) -> None:
    lab.ask("shutter", more="platforms: [linux-64, osx-arm64, win-64]\n")
    assert verbs(lab.apply()) == [("lock", "tiny"), ("build", "tiny")]
    assert lab.lock().platforms == ("linux-64", "osx-arm64", "win-64")
    skips = {(item["reason"], item["platform"]) for item in lab.plan()}
    assert skips == {("up-to-date", None), ("no-runner", "osx-arm64"), ("no-runner", "win-64")}


def test_a_platform_of_the_default_without_solution_is_dropped_with_the_reason(
    tmp_path: Path, tiny_channel: str
) -> None:
    lab = Lab.make(tmp_path / "lab", channel=tiny_channel, platforms=("linux-64", "win-64"))
    lab.ask("prefix-probe")
    lab.apply()
    assert lab.lock().platforms == ("linux-64",)
    (solve,) = lab.records("solves/").values()
    assert "prefix-probe" in solve["dropped"]["win-64"]
    assert lab.lock().metadata.dropped == solve["dropped"]


def test_a_platform_that_was_asked_for_by_name_fails_the_environment(lab: Lab) -> None:
    lab.ask("prefix-probe", more="platforms: [linux-64, win-64]\n")
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "unsolvable"
    assert "win-64" in outcome["error"]["message"]
    assert lab.file(lock_path("tiny")) is None


def test_no_solution_is_a_failure_record_and_the_others_go_on(lab: Lab) -> None:
    lab.ask("oil", "water", name="clash")
    lab.ask("lens", name="fine")
    outcomes = lab.apply(code=1)
    assert {(o["environment"], o["verb"], o["status"]) for o in outcomes} == {
        ("clash", "lock", "failed"),
        ("fine", "lock", "done"),
        ("fine", "build", "done"),
    }
    (failure,) = lab.records("failures/").values()
    assert failure["code"] == "unsolvable"
    assert "emulsion 2.*" in failure["message"]
    assert failure["retry_after"] > failure["started"]

    # It is not tried again before its time; then a person says so, or the input changes.
    assert lab.apply(code=1) == []
    (item,) = [item for item in lab.plan() if item["environment"] == "clash"]
    assert (item["reason"], item["retry_after"]) == ("failed-before", failure["retry_after"])
    assert len(lab.apply("--retry", code=1)) == 1
    assert {record["attempt"] for record in lab.records("failures/").values()} == {1, 2}
    lab.ask("oil", name="clash")
    assert verbs(lab.apply()) == [("lock", "clash"), ("build", "clash")]


def test_an_unreadable_channel_is_tried_again_soon(lab: Lab, tmp_path: Path) -> None:
    lab.ask("lens", more=f"channels: ['file://{tmp_path}/nowhere', nodefaults]\n")
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "channel-unavailable"
    assert outcome["error"]["retryable"] is True


def test_a_spec_with_problems_is_skipped_and_the_others_go_on(lab: Lab) -> None:
    lab.push({spec_path("bad"): "dependencies: [numpy =>1]\n"})
    lab.ask("lens", name="good")
    assert verbs(lab.apply(code=1)) == [("lock", "good"), ("build", "good")]
    assert {(i["environment"], i["reason"]) for i in lab.plan()} == {
        ("bad", "spec-invalid"),
        ("good", "up-to-date"),
    }


def test_the_same_content_is_built_once(lab: Lab) -> None:
    lab.ask("lens", name="one")
    lab.ask("lens", name="two")
    outcomes = lab.apply()
    assert [o["verb"] for o in outcomes].count("lock") == 2
    assert [o["verb"] for o in outcomes].count("build") == 1
    assert len(lab.records("builds/")) == 1
    assert all(item["reason"] == "up-to-date" for item in lab.plan())


def test_another_namespace_reuses_the_build(lab: Lab) -> None:
    lab.add_namespace("other")
    lab.ask("lens")
    lab.push({spec_path("same"): "dependencies:\n  - lens\n"}, namespace="other")
    outcomes = lab.apply()
    assert [o["detail"] for o in outcomes if o["verb"] == "build"][-1] == "built before"
    # Namespaces go by name: `other` builds, `team` finds it built.
    (build,) = lab.records("builds/", namespace="team").values()
    assert [phase["name"] for phase in build["phases"]] == ["reuse"]
    assert len(lab.blobs()) == 2, "one archive and one log"


def test_a_deleted_spec_retires_its_lockfile_and_a_revert_restores_it(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    lock = lab.file(lock_path("tiny"))
    spec = lab.file(spec_path("tiny"))
    lab.push({spec_path("tiny"): None})
    assert verbs(lab.apply()) == [("retire", "tiny")]
    assert lab.file(lock_path("tiny")) is None
    assert lab.apply() == []

    lab.push({spec_path("tiny"): spec})
    (item,) = lab.plan()
    assert item["reason"] == "lock-restored"
    lab.apply()
    assert lab.file(lock_path("tiny")) == lock
    assert [record["number"] for record in lab.records("solves/").values()] == [2]


def test_a_lockfile_without_spec_that_is_not_ours_is_left_alone(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    lab.push({lock_path("alien"): lab.file(lock_path("tiny"))})
    assert lab.apply() == []
    assert ("alien", "lock-only") in {(i["environment"], i["reason"]) for i in lab.plan()}


def test_a_claimed_lockfile_that_a_solve_gives_again_is_taken_as_it_is(lab: Lab) -> None:
    lab.ask("lens", name="ours")
    lab.apply()
    claim = lab.file(lock_path("ours"))
    assert claim is not None
    lab.push({spec_path("copy"): "dependencies:\n  - lens\n", lock_path("copy"): claim})
    (item,) = [item for item in lab.plan() if item["environment"] == "copy"]
    assert item["reason"] == "lock-unverified"
    head = lab.head()
    lab.apply()
    assert lab.head() == head, "a claim that is true is not rewritten"
    assert lab.apply() == []


def test_a_lockfile_of_the_right_packages_that_somebody_dressed_up_is_written_anew(
    lab: Lab,
) -> None:
    """The packages are what a solve gives; the rest would have gone into builds and pages."""
    lab.ask("lens", name="ours")
    lab.apply()
    honest = lab.file(lock_path("ours"))
    assert honest is not None
    for number, (old, new) in enumerate(
        [
            (b"gitstore.variables: '{}'", b'gitstore.variables: \'{"LD_PRELOAD": "/evil"}\''),
            (b"gitstore.dropped: '{}'", b'gitstore.dropped: \'{"linux-64": "a lie"}\''),
            (b"    gitstore.input: ", b"    somebody.else: "),
            (b"  content_hash:\n    linux-64: ", b"  content_hash:\n    linux-64: 0"),
            (b"\n", b"\r\n"),
            (b"package:\n", b"# by hand\npackage:\n"),
            (b"  category: main", b"  category: dev"),
            (b"  sources:\n  - environment.yml", b"  sources:\n  - elsewhere.yml"),
        ]
    ):
        forged = honest.replace(old, new)
        assert forged != honest, old
        name = f"dressed-{number}"
        lab.push({spec_path(name): "dependencies:\n  - lens\n", lock_path(name): forged})
        lab.apply()
        assert lab.file(lock_path(name)) == honest, old
    assert lab.apply() == []


def test_a_lockfile_that_claims_too_much_is_a_breach_and_never_built(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    honest = lab.file(lock_path("tiny"))
    assert honest is not None
    true_hash = lab.lock().packages[0].sha256
    forged = honest.replace(true_hash.encode(), true_hash[::-1].encode())
    assert forged != honest
    builds = lab.records("builds/")
    lab.push({lock_path("tiny"): forged})
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "lock-breach"
    assert "has another hash" in outcome["error"]["message"]
    assert lab.file(lock_path("tiny")) == forged, "what somebody wrote is shown, not overwritten"
    assert lab.records("builds/") == builds
    lab.push({lock_path("tiny"): None})
    lab.apply()
    assert lab.file(lock_path("tiny")) == honest


def test_a_task_without_memory_is_named_and_the_rest_goes_on(lab: Lab) -> None:
    file = lab.root / "store.yml"
    file.write_text(file.read_text() + "executor: {memory: 40M}\n")
    lab.ask("lens")
    failed = [o for o in lab.apply(code=1) if o["status"] == "failed"]
    assert {o["error"]["code"] for o in failed} <= {"out-of-memory", "worker-lost"}
    assert failed
    file.write_text(file.read_text().replace("40M", "4G"))
    lab.apply("--retry")


@pytest.mark.parametrize("poison", ["url", "hash", "downgrade", "missing", "extra"])
def test_a_poisoned_lockfile_is_caught_in_words_of_its_own(lab: Lab, poison: str) -> None:
    lab.ask("camera")
    lab.apply()
    honest = lab.lock()
    glass = next(p for p in honest.packages if p.name == "glass")
    forged, said = {
        "url": (
            replace(glass, url=glass.url.replace("/noarch/", "/elsewhere/")),
            "`glass` comes from ",
        ),
        "hash": (replace(glass, sha256="0" * 64), "`glass` has another hash"),
        "downgrade": (
            replace(glass, version="2.0", url=glass.url.replace("2.1", "2.0")),
            "`glass` is 2.0, not 2.1",
        ),
        "missing": (None, "`glass` is missing"),
        "extra": (
            replace(glass, name="stowaway", sha256="1" * 64),
            "`stowaway` should not be in it",
        ),
    }[poison]
    others = [p for p in honest.packages if p is not glass or poison == "extra"]
    lock = replace(honest, packages=sorted_packages([*others, *([forged] if forged else [])]))
    lab.push({lock_path("tiny"): render_lockfile(lock)})
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "lock-breach"
    assert said in outcome["error"]["message"], outcome["error"]["message"]


def test_a_stale_claim_for_another_input_is_replaced(lab: Lab) -> None:
    """What a kill between commit and record leaves, when somebody then edits the spec."""
    lab.ask("lens")
    lab.apply()
    lock = lab.file(lock_path("tiny"))
    repository = lab.repository()
    records = repository.resolve(RECORDS_REF)
    assert records is not None
    gone: dict[str, bytes | None] = dict.fromkeys(lab.records("solves/"))
    made = repository.commit(gone, parent=records, message="x", author=AUTHOR, when=WHEN)
    assert made is not None
    repository.compare_and_swap(RECORDS_REF, made, records)
    lab.ask("lens", "history")
    lab.apply()
    assert lab.file(lock_path("tiny")) != lock
    assert "history" in lab.packages()


def test_policy_is_judged_on_every_url_of_the_lockfile(lab: Lab) -> None:
    lab.push(
        {"gitstore.yml": f"channels: ['{lab.channel}']\npolicy: {{channels: [conda-forge]}}\n"}
    )
    lab.ask("lens")
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["code"] == "channel-not-allowed"
    assert outcome["error"]["exit_code"] == 11
    assert lab.file(lock_path("tiny")) is None
    (failure,) = lab.records("failures/").values()
    assert failure["stage"] == "policy"


def test_a_rule_of_the_store_wins_over_the_namespace_and_stops_builds_of_old_locks(
    lab: Lab,
) -> None:
    lab.ask("lens")
    lab.apply()
    settings = lab.root / "store.yml"
    settings.write_text(settings.read_text() + "policy: {channels: [conda-forge]}\n")
    shutil.rmtree(lab.root / "cache")
    lab.ask("lens", more="gitstore: {tests: ['true']}\n")  # another recipe: a new build
    (outcome,) = lab.apply(code=1)
    assert (outcome["verb"], outcome["error"]["code"]) == ("build", "channel-not-allowed")
    assert "the store" in outcome["error"]["message"]


def test_a_frozen_namespace_waits_and_says_why(lab: Lab) -> None:
    lab.ask("lens")
    lab.push({"gitstore.yml": "freeze: {reason: until the audit ends}\n"})
    assert lab.apply() == []
    (item,) = lab.plan()
    assert (item["reason"], item["detail"]) == ("frozen", "until the audit ends")


def test_a_failing_smoke_test_stops_the_build_and_its_output_is_kept(lab: Lab) -> None:
    lab.ask("lens", more='gitstore: {tests: ["echo before; false"]}\n')
    outcomes = lab.apply(code=1)
    (failed,) = [o for o in outcomes if o["status"] == "failed"]
    assert failed["error"]["code"] == "test-failed"
    assert lab.blobs() == []
    (failure,) = lab.records("failures/").values()
    assert "before" in failure["log"]
    assert failure["retry_after"] is None


@pytest.mark.component("bubblewrap")
def test_smoke_tests_see_variables_and_activation_and_no_network(lab: Lab) -> None:
    test = (
        'test "$GREETING" = "hello world" && test -n "$ACTIVATED_IN" && test -r "$ACTIVATED_IN/'
        'share/lens/version.txt" && ! touch "$CONDA_PREFIX/x" && test -z "$GITSTORE_STORE"'
    )
    lab.ask(
        "lens",
        "activate-me",
        more=f"variables: {{GREETING: hello world}}\ngitstore:\n  tests:\n    - '{test}'\n",
    )
    lab.apply()
    (build,) = lab.records("builds/").values()
    assert [run["exit_code"] for run in build["tests"]] == [0]


def test_a_target_that_is_added_later_gets_the_artifacts(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    settings = lab.root / "store.yml"
    settings.write_text(
        settings.read_text().replace(
            "  local: {type: directory, path: artifacts}",
            "  local: {type: directory, path: artifacts}\n  more: {type: directory, path: more}",
        )
    )
    assert [item["reason"] for item in lab.plan()] == ["target-added"]
    assert verbs(lab.apply()) == [("publish", "tiny")]
    (build,) = lab.records("builds/").values()
    (artifact,) = build["artifacts"]
    assert [place["target"] for place in artifact["published"]] == ["local", "more"]
    assert (lab.root / "more" / artifact["published"][1]["key"]).is_file()
    assert lab.apply() == []


def test_a_package_with_other_bytes_than_the_lockfile_says_is_refused(
    tmp_path: Path, tiny_channel: str
) -> None:
    channel = tmp_path / "channel"
    shutil.copytree(Path(tiny_channel.removeprefix("file://")), channel)
    lab = Lab.make(tmp_path / "lab", channel=channel.as_uri())
    victim = next(channel.glob("noarch/history-2.0.0-*.conda"))
    other = next(channel.glob("noarch/history-1.0.0-*.conda"))
    lab.ask("history 2.0.0")
    shutil.copyfile(other, victim)
    outcomes = lab.apply(code=1)
    (failed,) = [o for o in outcomes if o["status"] == "failed"]
    assert failed["verb"] == "build"
    assert failed["error"]["code"] == "package-corrupt", failed
    assert lab.blobs() == []


def test_no_secret_of_a_channel_url_is_ever_shown(lab: Lab) -> None:
    lab.ask("lens", more="channels: ['https://user:hunter2@host.example/t/tk-123/c']\n")
    for command in (["check", "team"], ["plan"], ["apply"], ["status"], ["plan", "--json"]):
        done = lab.run(*command)
        assert "hunter2" not in done.out + done.err
        assert "tk-123" not in done.out + done.err


def test_one_writer_at_a_time_and_the_other_is_told_whom_it_waits_for(lab: Lab) -> None:
    from gitstore.files import file_lock

    lab.ask("lens")
    lock = lab.repository().git_dir / "gitstore.lock"
    with file_lock(lock, "`gitstore apply`, process 1 on elsewhere", what="x"):
        done = lab.run("apply")
    assert done.code == 16
    assert "process 1 on elsewhere" in done.err


@pytest.mark.parametrize("edit", ["same", "other", "spec"])
def test_a_push_during_the_run_is_never_lost(
    lab: Lab, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody pushes while the solve runs: reload, plan again, retry."""
    from gitstore.pipeline import locking

    lab.ask("lens", name="first")
    real = commit_changes
    pushed: list[bool] = []

    def push_first(*args: object, **kwargs: object) -> object:
        if not pushed:
            pushed.append(True)
            if edit == "same":
                lab.push({"README.md": "hello\n"}, message="readme")
            elif edit == "other":
                lab.ask("history", name="second")
            else:
                lab.ask("emulsion", name="first")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(locking, "commit_changes", push_first)
    lab.apply()
    assert lab.apply() == []
    assert "edit" in lab.messages() or "readme" in lab.messages()
    if edit == "other":
        assert lab.packages("second").keys() == {"history"}
    assert ("emulsion" if edit == "spec" else "lens") in lab.packages("first")


def test_the_rendered_lockfile_is_what_is_committed(lab: Lab) -> None:
    lab.ask("camera")
    lab.apply()
    assert render_lockfile(lab.lock()) == lab.file(lock_path("tiny"))


def test_nothing_is_left_in_the_work_folder(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    assert list((lab.root / "work").iterdir()) == []


def test_everything_but_git_may_be_deleted(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    shutil.rmtree(lab.root / "cache")
    shutil.rmtree(lab.root / "work")
    assert lab.apply() == []


def test_a_folder_that_cannot_be_an_environment_does_not_stop_the_others(lab: Lab) -> None:
    lab.push({"environments/not good!/environment.yml": "dependencies: [lens]\n"})
    lab.ask("lens", name="good")
    assert verbs(lab.apply(code=1)) == [("lock", "good"), ("build", "good")]


def test_a_failure_is_over_when_its_work_succeeds(lab: Lab) -> None:
    settings = f"channels: ['{lab.channel}']\nplatforms: [linux-64]\n"
    lab.push({"gitstore.yml": settings + "policy: {channels: [conda-forge]}\n"})
    lab.ask("lens")
    lab.apply(code=1)
    lab.push({"gitstore.yml": settings})
    lab.apply("--retry")
    assert lab.records("failures/") == {}
    spec = lab.file(spec_path("tiny"))
    lab.push({spec_path("tiny"): None})
    lab.apply()
    lab.push({spec_path("tiny"): spec})
    assert [item["reason"] for item in lab.plan()] == ["lock-restored"]


def test_a_damaged_record_is_said_and_not_a_bug(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    repository = lab.repository()
    head = repository.resolve(RECORDS_REF)
    assert head is not None
    paths = list(lab.records("solves/"))
    for damage in (b"{", b"[]", b'{"format": 1}', b'{"format": 2}'):
        files: dict[str, bytes | None] = dict.fromkeys(paths, damage)
        made = repository.commit(files, parent=head, message="x", author=AUTHOR, when=WHEN)
        assert made is not None
        repository.compare_and_swap(RECORDS_REF, made, repository.resolve(RECORDS_REF))
        done = lab.run("plan")
        assert done.code == 15, done.err
        assert "record" in done.err


def test_preview_believes_no_lockfile_that_is_in_no_record(lab: Lab) -> None:
    lab.ask("lens")
    lab.apply()
    assert "up-to-date" in lab.run("preview", "team").out
    lock = lab.file(lock_path("tiny"))
    assert lock is not None
    true_hash = lab.lock().packages[0].sha256
    lab.push({lock_path("tiny"): lock.replace(true_hash.encode(), true_hash[::-1].encode())})
    assert "changed" in lab.run("preview", "team").out
