"""conda-lock as solver, unmodified, over our front; and what it locks beside what we lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lab import Lab, spec_path


def settle(lab: Lab, platforms: str = "linux-64, osx-arm64, win-64") -> None:
    lab.push(
        {
            "gitstore.yml": f"channels: ['{lab.channel}', nodefaults]\nplatforms: [{platforms}]\n"
            "solve: {solver: conda-lock}\n"
        }
    )


def test_conda_lock_solves_with_no_conda_on_the_machine(lab: Lab) -> None:
    settle(lab)
    lab.ask("camera", "film")
    lab.apply()
    theirs = lab.lock()
    (record,) = lab.records("solves/").values()
    assert record["solver"].startswith("conda-lock 4")
    assert set(theirs.platforms) == {"linux-64", "osx-arm64", "win-64"}
    lab.push(
        {
            "gitstore.yml": f"channels: ['{lab.channel}', nodefaults]\nplatforms: [linux-64, osx-arm64, win-64]\n"
        }
    )
    lab.push({spec_path("ours"): "dependencies:\n  - camera\n  - film\n"})
    lab.apply()
    assert lab.lock("ours").packages == theirs.packages
    facts = lab.records("packages/")
    assert all(record["size"] for record in facts.values())


def test_a_conflict_is_said_in_the_same_words(lab: Lab) -> None:
    settle(lab, "linux-64")
    lab.ask("oil", "water")
    (outcome,) = lab.apply(code=1)
    assert outcome["error"]["message"].startswith("`oil` and `water` cannot be together")


def test_the_assumed_machine_reaches_conda_lock(lab: Lab) -> None:
    settle(lab, "linux-64")
    lab.ask("gpu-probe")
    lab.apply()
    plain = lab.lock().packages
    lab.ask("gpu-probe", more='gitstore: {virtual-packages: {linux-64: {__cuda: "12.4"}}}\n')
    lab.apply()
    assert lab.lock().packages != plain


@pytest.mark.shared
def test_both_lock_the_same_of_realistic_sets(shared: Path, tmp_path: Path) -> None:
    channel = (shared / "repodata" / "conda-forge-subset").as_uri()
    lab = Lab.make(tmp_path / "lab", channel=channel)
    sets = {
        "analysis": ["python=3.12", "numpy", "pandas", "scipy", "jupyterlab"],
        "maps": ["python", "geopandas", "gdal", "dask"],
        "r": ["r-base", "r-ggplot2"],
    }
    specs = {
        spec_path(name): "dependencies:\n" + "".join(f"  - {wish}\n" for wish in wishes)
        for name, wishes in sets.items()
    }
    base = f"channels: ['{channel}', nodefaults]\nplatforms: [linux-64, osx-arm64]\n"
    lab.push({"gitstore.yml": base, **specs})
    assert lab.run("lock").code == 0
    ours = {name: lab.lock(name).packages for name in sets}
    lab.push({f"environments/{name}/conda-lock.yml": None for name in sets})
    lab.push({"gitstore.yml": f"{base}solve: {{solver: conda-lock}}\n"})
    assert lab.run("lock").code == 0
    for name in sets:
        assert lab.lock(name).packages == ours[name], name
