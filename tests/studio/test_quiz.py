"""Questions: answers are read leniently and judged exactly, and none is lost."""

from __future__ import annotations

import json
import random
import re

import pytest
from small_module import enter, tt, write

from tinytorch_studio import quiz
from tinytorch_studio.dialogue import Unclear
from tinytorch_studio.snapshots import entries

RIGHT = "    return sum(values)\n"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return enter(monkeypatch, tmp_path)


def pair_of(seed):
    """What the question `pair` asks for, from the random numbers that it is promised."""
    rng = random.Random(f"{seed} pair")
    return rng.randint(1, 99), rng.randint(100, 199)


def recorded(folder):
    return [(e["id"], e["right"]) for e in entries(folder.progress) if e["what"] == "question"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, [3, 4]) for text in ("(3, 4)", "3,4", "3 4", "[3, 4]", " (3 4) ", "3, 4,")],
        *[(text, [12]) for text in ("12", "(12,)", "12,", "[12]")],
        *[(text, True) for text in ("yes", "Y", "true", "True")],
        *[(text, False) for text in ("no", "n", "False")],
        *[(text, None) for text in ("none", "None", "null")],
        *[(text, 1000) for text in ("1000", "1_000", "1,000", "1e3", "1k", "(1000)", "1000.0")],
        ("()", []),
        ("1/3", 1 / 3),
        ("0.334", 1 / 3),
        ("(0.5, 0.25)", [0.5, 0.2501]),
        ("-3 1", [-3, 1]),
    ],
)
def test_an_answer_counts_in_every_way_in_which_it_can_be_written(text, expected):
    assert quiz.agrees(quiz.read(text, expected, []), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 3", [3, 4]),
        ("3", [3, 4]),
        ("3 4 1", [3, 4]),
        ("none", [3, 4]),
        ("(3, 4)", None),
        ("1", None),
        ("no", True),
        ("1001", 1000),
        ("1000.5", 1000),
        ("0.338", 1 / 3),
        ("0.01", 0.0),
        ("none", 0),
    ],
)
def test_a_wrong_answer_is_wrong_however_near(text, expected):
    assert not quiz.agrees(quiz.read(text, expected, []), expected)


def test_what_cannot_be_an_answer_is_refused_with_what_can():
    for text, expected, says in (
        ("perhaps", True, "yes or no"),
        ("1", True, "yes or no"),
        ("many", 3, "a number"),
        ("", [3], "numbers"),
        ("3 x", [3], "numbers"),
        ("", None, "numbers"),
    ):
        with pytest.raises(Unclear, match=says):
            quiz.read(text, expected, [])


def test_a_choice_is_taken_by_its_word_or_its_number():
    choices = ["data", "layout"]
    assert [quiz.read(text, "data", choices) for text in ("Layout", "2", "1")] == ["layout", "layout", "data"]
    with pytest.raises(Unclear, match="data, layout; or its number, 1 to 2"):
        quiz.read("3", "data", choices)
    assert quiz.read("2", "2", ["4", "2"]) == "2"  # where the words are numbers, the word counts


def test_right_answers_to_all_questions_end_well_and_are_kept(folder):
    a, b = pair_of(7)
    typed = f"{a} {b}\n{a + b}\nyes\n1/3\nnone\n2\n0\n"
    run = tt("quiz", "--seed", "7", input=typed)
    assert run.exit_code == 0, run.output
    assert run.output.count("\nright\n") == 3
    assert "3 of 3 right" in run.output
    assert "--seed 7" in run.output
    assert recorded(folder) == [("42.pair", True), ("42.kinds", True), ("42.own_code", True)]


def test_a_wrong_answer_is_told_at_once_with_the_right_one_and_why(folder):
    a, b = pair_of(7)
    run = tt("quiz", "--seed", "7", "--question", "pair", input=f"({b}, {a})\n{a + b}\n")
    assert run.exit_code == 1
    assert f"no         pair: ({a}, {b}), not ({b}, {a})\n" in run.output
    assert "sum:" not in run.output.split("no  ")[1]
    assert f"They are {a} and {b}." in run.output
    assert recorded(folder) == [("42.pair", False)]


def test_the_same_seed_asks_the_same_and_without_one_the_numbers_are_new(folder):
    asked = [json.loads(tt("quiz", "--json").output) for _ in range(4)]
    assert len({each["questions"][0]["prompt"] for each in asked}) > 1
    again = json.loads(tt("quiz", "--json", "--seed", str(asked[0]["seed"])).output)
    assert again == asked[0]


def test_questions_that_were_answered_right_come_last(folder):
    folder.note("question", "42.pair", right=True)
    folder.note("question", "42.kinds", right=False)
    names = [each["name"] for each in json.loads(tt("quiz", "--json").output)["questions"]]
    assert names == ["kinds", "own_code", "pair"]


def test_where_the_input_ends_the_answered_questions_are_kept(folder):
    a, b = pair_of(7)
    run = tt("quiz", "--seed", "7", input=f"{a} {b}\n{a + b}\nyes\n")
    assert run.exit_code == 1
    assert run.output.splitlines()[-2:] == [
        "stopped    after 1 of 3 questions; what you answered is kept",
        "again      tt quiz 42 --seed 7",
    ]
    assert recorded(folder) == [("42.pair", True)]


def test_an_answer_that_cannot_be_read_is_asked_again(folder):
    run = tt("quiz", "--question", "kinds", input="perhaps\nyes\n.333\nnone\nlayout\n")
    assert run.exit_code == 0
    assert "write yes or no" in run.output
    assert "level [1 data, 2 layout]: layout" in run.output


def test_a_question_about_ones_own_code_gets_its_source_and_runs_it(folder):
    before = tt("quiz", "--question", "own_code", "--answer", "it=0")
    assert before.exit_code == 0
    write(folder, "    return values[0] * 10\n")
    after = tt("quiz", "--question", "own_code", "--answer", "it=40")
    assert after.exit_code == 0
    assert "return values[0] * 10" in after.output


def test_own_code_that_never_ends_holds_up_no_question(folder, monkeypatch):
    monkeypatch.setattr(quiz, "SECONDS", 2.0)
    write(folder, "    while True: pass\n")
    assert tt("quiz", "--question", "own_code", "--answer", "it=0").exit_code == 0


def test_a_question_runs_on_the_reference_whatever_the_learners_file_does(folder):
    write(folder, "    return (\n")
    a, b = pair_of(3)
    words = ("--seed", "3", "--question", "pair", "--answer", f"pair={a},{b}", "--answer", f"sum={a + b}")
    assert tt("quiz", *words).exit_code == 0
    found = json.loads(tt("quiz", "--json", *words).output)["questions"][0]
    assert found["right"] is True
    assert found["wanted"] == {"pair": [a, b], "sum": a + b}


def test_words_that_mean_nothing_are_refused_with_what_there_is(folder):
    for words, says in (
        (("--question", "pears"), "pair, kinds, own_code"),
        (("--answer", "pair=3"), "--question"),
        (("--question", "pair", "--answer", "pears=3"), "pair · sum"),
        (("--question", "pair", "--answer", "sum=much"), "a number"),
    ):
        run = tt("quiz", *words)
        assert run.exit_code == 2
        assert says in run.output
    assert recorded(folder) == []


def test_a_question_that_cannot_be_asked_is_named(folder):
    path = folder.root.parent / "modules" / "42_sums" / "questions.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("answers = {", "answers = {'x': object(), ", 1), encoding="utf-8")
    run = tt("quiz")
    assert run.exit_code == 1
    assert re.search(r"Error: .*questions.py: pair: TypeError: .* cannot be an answer", run.output)


def test_a_module_without_questions_says_so(monkeypatch, tmp_path):
    enter(monkeypatch, tmp_path, leave_out=("questions.py",))
    run = tt("quiz")
    assert (run.exit_code, run.output) == (0, "42 has no questions.\n")


def test_one_is_not_yes():
    assert not quiz.agrees(1.0, True)
    assert not quiz.agrees(True, 1)
