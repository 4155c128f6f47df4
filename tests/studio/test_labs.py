"""Labs: predictions are kept before anything is measured, and the answer comes last."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_module import enter, start, tt, write

from tinytorch_studio import labs
from tinytorch_studio.amounts import amount
from tinytorch_studio.dialogue import Unclear
from tinytorch_studio.pages import page
from tinytorch_studio.snapshots import entries

RIGHT = "    return sum(values)\n"
PREDICTED = ("--predict", "sum=6 MiB", "--predict", "zero=1_000")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return enter(monkeypatch, tmp_path)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return sys.platform != "linux"
    return (
        status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    )  # nobody asked how it ended


def ended(started):
    """Whether all of them end, a busy machine given some time to end them."""
    for _ in range(100):
        if not any(map(alive, started)):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("64e6", "bytes", 64e6),
        ("64 MiB", "bytes", 64 * 2**20),
        ("64MiB", "MiB", 64),
        ("64", "MiB", 64),
        ("32 MB", "MiB", 32e6 / 2**20),
        ("1_000", "numbers", 1000),
        ("1,234,567", "", 1234567),
        ("0.2 ms", "ms", 0.2),
        ("200 us", "ms", 0.2),
        ("3 milliseconds", "s", 0.003),
        ("1.5k", "", 1500),
        ("1.5k", "bytes", 1500),
        ("2 million numbers", "numbers", 2e6),
        ("3 GFLOP", "FLOP", 3e9),
        ("16x", "times", 16),
        ("-.5", "", -0.5),
        ("25 %", "%", 25),
        ("25 %", "", 0.25),
    ],
)
def test_an_amount_is_read_into_its_unit(text, unit, value):
    assert amount(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", ""),
        ("many", "bytes"),
        ("0,2", "ms"),
        ("64M", "MiB"),
        ("3 ms", "bytes"),
        ("1 MiB", "ms"),
        ("nan", ""),
        ("1e999", ""),
        ("1 2", ""),
        ("--1", ""),
    ],
)
def test_what_is_no_amount_is_refused_with_what_is_accepted(text, unit):
    with pytest.raises(Unclear, match="write a number such as"):
        amount(text, unit)


def test_a_prediction_that_cannot_be_read_is_asked_again(folder):
    run = tt("lab", "42", "--lab", "sum", input="many\n6 MiB\n")
    assert "cannot read 'many': write a number such as" in run.output
    assert run.output.count("bytes of the sum [MiB]:") == 2
    assert labs.round_of(folder, "42.sum").predictions == {"sum": 6.0}


def test_a_second_start_goes_on_where_the_first_stopped(folder):
    first = tt("lab", input="6\n")
    assert first.exit_code == 1
    assert first.output.splitlines()[-1] == "stopped    what you wrote is kept; go on: tt lab 42 --lab sum"
    second = tt("lab", input="0\nBecause.\n")
    assert second.exit_code == 0
    assert "bytes of the sum [MiB]:" not in second.output
    assert "what is left [numbers]: 0" in second.output
    again = tt("lab", "--lab", "sum", "--again", input="")
    assert "bytes of the sum [MiB]:" in again.output


def test_predictions_are_on_disk_before_anything_is_measured(folder):
    write(folder, RIGHT)
    tt("lab", "--lab", "kept", input="7\n")
    assert labs.round_of(folder, "42.kept").measured == {"lines": 1.0}


def test_a_lab_measures_the_learners_file_and_says_whose_it_is(folder):
    reference = tt("lab", "--lab", "sum", *PREDICTED)
    assert "nothing of it is yours yet" in reference.output
    assert "modules" in labs.round_of(folder, "42.sum").facts["_file"]
    write(folder, "    return 5\n")
    mine = tt("lab", "--lab", "sum", "--again", *PREDICTED)
    assert "measuring  yours: total" in mine.output
    assert re.search(r"bytes of the sum +6 MiB +5 MiB +0\.833x\n", mine.output)
    assert labs.round_of(folder, "42.sum").facts["_file"] == str(folder.root / "sums" / "total.py")


def test_prediction_measurement_and_factor_stand_side_by_side(folder):
    run = tt("lab", "--lab", "sum", "--predict", "sum=12", "--predict", "zero=0")
    assert re.search(r"\n +predicted +measured +factor\n", run.output)
    assert re.search(r"\nbytes of the sum +12 MiB +6 MiB +0\.5x\n", run.output)
    assert re.search(r"\nwhat is left +0 numbers +0 numbers +exact\n", run.output)
    assert re.search(r"\nhalf +0\.5\n", run.output)
    assert max(map(len, run.output.splitlines())) <= 80


def test_the_answer_is_shown_only_after_an_explanation_is_kept(folder):
    later = tt("lab", *PREDICTED, input="\n")
    assert later.exit_code == 1
    assert "the sum" not in later.output.replace("bytes of the sum", "")
    assert later.output.splitlines()[-1] == "later      tt lab 42 --lab sum --explain TEXT"
    done = tt("lab", "--explain", "one, two, three")
    assert done.exit_code == 0
    assert "measuring" not in done.output
    assert done.output.index("one, two, three") < done.output.index("Because that is")
    (last,) = [each for each in entries(folder.progress) if each.get("explanation")]
    assert last["id"] == "42.sum"
    assert last["predictions"] == {"sum": 6.0, "zero": 1000.0}
    assert set(last["measured"]) == {"sum", "zero"}
    assert "next       tt lab 42 --lab kept" in done.output
    shown = tt("lab", "--lab", "sum", "--show")
    assert shown.exit_code == 0
    assert "Because that is" in shown.output


def test_a_measured_prediction_cannot_be_changed_afterwards(folder):
    tt("lab", *PREDICTED)
    late = tt("lab", "--predict", "sum=7")
    assert late.exit_code == 2
    assert "--again begins anew" in late.output
    assert labs.round_of(folder, "42.sum").predictions["sum"] == 6.0


def test_words_that_mean_nothing_are_refused_with_what_there_is(folder):
    for words, says in (
        (("--predict", "summ=6"), "sum · zero"),
        (("--predict", "sum=6 foo"), "write a number"),
        (("--lab", "summ"), "sum, kept, slow"),
    ):
        run = tt("lab", *words)
        assert run.exit_code == 2
        assert says in run.output
    assert labs.round_of(folder, "42.sum").predictions == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    return values[99]\n", "sums/total.py, line 6: return values[99]"),
        ("    return (\n", "sums/total.py, line 6"),
        ("    raise SystemExit(0)\n", "SystemExit"),
        ("    import os; os._exit(0)\n", "it ended early"),
        ("    while True: pass\n", "still running after 2 seconds"),
        ("    return float('inf')\n", "the measurement of sum is inf"),
    ],
)
def test_a_mistake_of_the_learners_is_told_in_a_few_lines_and_loses_nothing(folder, monkeypatch, body, says):
    monkeypatch.setattr(labs, "MEASURED", 2.0)
    write(folder, body)
    run = tt("lab", *PREDICTED)
    assert run.exit_code == 1
    assert "cannot measure: your predictions are kept" in run.output
    assert says in run.output
    assert "Traceback" not in run.output
    assert labs.round_of(folder, "42.sum").predictions == {"sum": 6.0, "zero": 1000.0}


@pytest.fixture
def pids(folder):
    """What the slow lab and its child say that they are; a child may not write into the folder."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        (folder.root / "port").write_text(str(listener.getsockname()[1]), encoding="utf-8")
        yield lambda: [int(each) for each in listener.recv(100).split()]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups")
def test_what_is_broken_off_with_ctrl_c_ends_with_all_that_it_started_and_keeps_the_prediction(folder, pids):
    write(folder, RIGHT)
    process = start(folder, "lab", "--lab", "slow", "--predict", "lines=3")
    started = pids()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 1, errors
    assert output.splitlines()[-1] == "stopped    what you wrote is kept; go on: tt lab 42 --lab slow"
    assert errors == ""
    assert ended(started)
    assert labs.round_of(folder, "42.slow").predictions == {"lines": 3.0}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups")
def test_what_takes_too_long_ends_with_all_that_it_started(folder, monkeypatch, pids):
    monkeypatch.setattr(labs, "MEASURED", 2.0)
    write(folder, RIGHT)
    assert tt("lab", "--lab", "slow", "--predict", "lines=3").exit_code == 1
    assert ended(pids())


def test_the_plot_is_kept_in_both_forms(folder):
    run = tt("lab", *PREDICTED)
    assert "plot       labs/42.sum.svg, and .png beside it" in run.output
    drawn = ElementTree.parse(folder.root / "labs" / "42.sum.svg").getroot()
    assert drawn.tag.endswith("svg")
    assert (folder.root / "labs" / "42.sum.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_one_line_says_what_installs_it(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    run = tt("lab", *PREDICTED, "--explain", "x")
    assert run.exit_code == 0
    assert "plot       none: plots need matplotlib: python -m pip install matplotlib\n" in run.output
    assert not (folder.root / "labs").exists()


def test_a_program_gets_one_object_and_is_asked_nothing(folder):
    begun = tt("lab", "--json")
    assert begun.exit_code == 1
    assert json.loads(begun.output)["state"] == "open"
    assert "answer" not in json.loads(begun.output)
    done = tt("lab", "--json", *PREDICTED, "--explain", "x")
    found = json.loads(done.output)
    assert done.exit_code == 0
    assert found["state"] == "explained"
    assert [each["predicted"] for each in found["predictions"]] == [6.0, 1000.0]
    assert found["plot"] == ["42.sum.png", "42.sum.svg"]
    assert found["answer"] == "Because that is **the sum**."


def test_a_module_without_labs_says_so(monkeypatch, tmp_path):
    enter(monkeypatch, tmp_path, leave_out=("labs.py",))
    run = tt("lab")
    assert (run.exit_code, run.output) == (0, "42 has no lab.\n")


def test_markdown_is_legible_without_colour():
    text = page("Take `x.mT`:\n\n* one\n* two\n\n```python\nf(`x`)\n```\n" + "word " * 40)
    assert text.isascii()
    assert "`x.mT`" in text
    assert "* one" in text
    assert " f(`x`)\n" in text
    assert max(map(len, text.splitlines())) <= 80
