"""Incidents: found by level and line, and judged by what the repaired program does."""

from __future__ import annotations

import json

import pytest
from small_module import enter, tt, write

from tinytorch_studio import incidents
from tinytorch_studio.snapshots import entries

RIGHT = "    return sum(values)\n"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return enter(monkeypatch, tmp_path)


def program(folder):
    return folder.root / "incidents" / "42_sums.py"


def change(folder, old, new):
    text = program(folder).read_text(encoding="utf-8")
    assert old in text
    program(folder).write_text(text.replace(old, new), encoding="utf-8")


def solved(folder):
    return any(each.get("solved") for each in entries(folder.progress) if each["what"] == "incident")


def test_the_first_call_writes_the_program_tells_the_story_and_shows_the_log(folder):
    run = tt("incident")
    assert run.exit_code == 1
    for part in ("wrote      incidents/42_sums.py", "Somebody saw a mean.", "4 | mean = total(values) / 2"):
        assert part in run.output
    assert "\n  mean 3.75\n" in run.output  # 7.5 / 2: what the program printed
    assert run.output.splitlines()[-1] == "stopped    what you found out is kept; go on: tt incident 42"


def test_the_log_is_that_of_the_learners_functions(folder):
    write(folder, "    return 5\n")
    assert "\n  mean 2.5\n" in tt("incident").output


def test_level_and_line_are_told_right_or_wrong_and_the_line_is_not_given_away_at_the_first_miss(folder):
    run = tt("incident", input="1\nkernel\n3\nfour\n5\n4\n")
    assert "no: data would mean that what comes in is wrong" in run.output
    assert "right: kernel" in run.output
    first, second = [line for line in run.output.splitlines() if line.startswith("line       no")]
    assert first == "line       no: line 3 may stay as it is."
    assert second == "line       no: it is further up."
    assert "write the number of a line, 1 to 5" in run.output
    assert "line       right: line 4 is the one." in run.output
    assert "repair     incidents/42_sums.py, line 4, and then: tt incident 42" in run.output
    assert run.exit_code == 1


def test_after_three_misses_the_line_is_told(folder):
    for line in (1, 2, 3):
        run = tt("incident", "--line", str(line))
    assert "line       no: it is line 4." in run.output


def test_what_was_found_out_is_not_asked_again(folder):
    tt("incident", "--level", "kernel")
    run = tt("incident", input="4\n")
    assert "level:" not in run.output
    calm = tt("incident")
    assert calm.output.startswith("not repaired yet: incidents/42_sums.py is as it was written\n")
    assert calm.exit_code == 1


@pytest.mark.parametrize("repair", ["len(values)", "3", "(2 + 1)"])
def test_every_repair_that_makes_the_program_right_counts(folder, repair):
    tt("incident")
    change(folder, "/ 2", f"/ {repair}")
    run = tt("incident")
    assert run.exit_code == 0
    assert "solved     level: kernel · line 4" in run.output
    assert "Divide by `len(values)`." in run.output
    assert solved(folder)


def test_a_repair_elsewhere_counts_and_one_that_bends_the_data_does_not(folder):
    tt("incident")
    change(folder, "print(", "mean = mean * 2 / 3\nprint(")
    assert tt("incident").exit_code == 0
    tt("incident", "--again")
    change(folder, "[1.5, 2.5, 3.5]", "[1.5, 2.5, 1.0]")
    run = tt("incident")
    assert run.exit_code == 1
    assert "values is not what it is after the repair" in run.output


def test_a_repair_that_is_none_says_what_still_differs(folder):
    tt("incident")
    change(folder, "/ 2", "/ 4")
    run = tt("incident")
    assert run.exit_code == 1
    assert "not yet    mean is not what it is after the repair" in run.output
    assert "yours      1.875\nrepaired   2.5\n" in run.output
    assert "Divide by" not in run.output
    assert not solved(folder)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("/ nothing", "incidents/42_sums.py, line 4: mean = total(values) / nothing\n"),
        ("/ (", "incidents/42_sums.py, line 4"),
        ("; del mean; print = lambda *_: 0; mean", "NameError"),
        ("; raise SystemExit(0)", "SystemExit"),
        ("; import os; os._exit(0)", "it ended early"),
        ("\nwhile True: pass", "still running after 3 seconds"),
    ],
)
def test_a_program_that_does_not_end_well_is_told_in_a_few_lines(folder, monkeypatch, new, says):
    tt("incident")
    monkeypatch.setattr(incidents, "SECONDS", 3.0)
    change(folder, "/ 2", new)
    run = tt("incident")
    assert run.exit_code == 1
    assert "cannot run to its end" in run.output
    assert says in run.output
    assert "Traceback" not in run.output
    assert not solved(folder)


def test_a_program_without_what_is_looked_at_says_what_is_missing(folder):
    tt("incident")
    change(folder, "mean", "average")
    assert "it ran, and made no 'mean', which is looked at" in tt("incident").output


def test_a_right_repair_on_a_wrong_function_says_that_it_is_the_function(folder):
    tt("incident")
    change(folder, "/ 2", "/ len(values)")
    write(folder, "    return 5\n")
    run = tt("incident")
    assert run.exit_code == 1
    assert "on the reference it is right" in run.output
    assert not solved(folder)


def test_a_changed_program_is_never_overwritten_unless_asked_and_then_comes_back_with_undo(folder):
    tt("incident")
    change(folder, "/ 2", "/ 5")
    mine = program(folder).read_text(encoding="utf-8")
    tt("incident")
    assert program(folder).read_text(encoding="utf-8") == mine
    tt("incident", "--again")
    assert "/ 2" in program(folder).read_text(encoding="utf-8")
    tt("undo")
    assert program(folder).read_text(encoding="utf-8") == mine


def test_a_program_gets_one_object_in_which_nothing_is_given_away(folder):
    begun = tt("incident", "--json")
    found = json.loads(begun.output)
    assert begun.exit_code == 1
    assert found["state"] == "not repaired yet"
    assert found["log"] == "mean 3.75\n"
    assert (found["level"], found["line"], found["solved"]) == (None, None, False)
    assert "explain" not in found
    half = json.loads(tt("incident", "--json", "--level", "kernel", "--line", "3").output)
    assert (half["level"], half["line"]) == ("kernel", None)
    change(folder, "/ 2", "/ 3")
    done = tt("incident", "--json")
    assert done.exit_code == 0
    assert json.loads(done.output)["state"] == "solved"


def test_words_that_mean_nothing_are_refused(folder):
    assert tt("incident", "--level", "weather").exit_code == 2
    run = tt("incident", "--line", "99")
    assert run.exit_code == 2
    assert "the program has no line 99" in run.output


def test_a_module_without_an_incident_says_so(monkeypatch, tmp_path):
    enter(monkeypatch, tmp_path, leave_out=("incident.py",))
    run = tt("incident")
    assert (run.exit_code, run.output) == (0, "42 has no incident.\n")
