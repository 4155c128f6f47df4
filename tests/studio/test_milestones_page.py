"""docs/milestones, made anew from a run."""

import json
from pathlib import Path

from tinytorch_studio.commands.milestone import programs
from tinytorch_studio.dev import milestones

DOCS = Path(__file__).resolve().parents[2] / "docs" / "milestones"


def test_a_milestone_is_run_and_kept_with_its_curves(tmp_path):
    assert milestones.run("sorter", tmp_path)
    kept = json.loads((tmp_path / "sorter" / "result.json").read_text(encoding="utf-8"))
    assert kept["figure"] == 1.0 and kept["reached"] and 0 < kept["processor_seconds"] < kept["seconds"] * 4
    assert sorted(path.name for path in (tmp_path / "sorter").iterdir()) == ["curves.svg", "result.json"]
    text = milestones.page(tmp_path)
    assert "| [sorter](#sorter) | 2020 | 1 | at least 1.0 | yes |" in text and "(sorter/curves.svg)" in text


def test_a_milestone_that_breaks_leaves_what_was_kept_before(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path / "nothing"))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "result.json").write_text("{}", encoding="utf-8")
    assert not milestones.run("mnist", tmp_path)
    assert (tmp_path / "mnist" / "result.json").read_text(encoding="utf-8") == "{}"


def test_the_page_that_is_kept_is_made_of_the_results_that_are_kept():
    assert (DOCS / "README.md").read_text(encoding="utf-8") == milestones.page(DOCS)
    assert {path.name for path in DOCS.iterdir() if path.is_dir()} <= programs().keys()
