"""What the command line looks like: without colour, in few columns, in a pipe, with nobody there, and broken off."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from tinytorch_studio import pages
from tinytorch_studio.cli import COMMANDS, GROUPS, main
from tinytorch_studio.course import find, modules
from tinytorch_studio.folder import Folder
from tinytorch_studio.pages import page
from tinytorch_studio.process import SOURCE

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="there are no pseudo-terminals and no SIGINT to groups"
)
TT = [sys.executable, "-P", "-m", "tinytorch_studio"]
TEXT = """
# A title

Take `x.mT`, *slowly*, and __twice__:

## `Number.__mul__`

* one
* two

```python
from math import tau  # a comment
print("a string", tau, "and a line that is a good deal longer than forty columns are wide")
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    mine = Folder.create(tmp_path / "mine")
    mine.begin(find("00")[0])
    monkeypatch.chdir(mine.root)
    return mine


def settings(**more):
    plain = {
        k: v
        for k, v in os.environ.items()
        if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "LESS", "PAGER")
    }
    return plain | {"PYTHONPATH": str(SOURCE), "OPENBLAS_NUM_THREADS": "1", "TERM": "xterm-256color"} | more


def on_a_terminal(*words, **more):
    """What a terminal would be sent."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*TT, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=settings(PAGER="cat", **more),
        close_fds=True,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait(60)
    return said.decode()


def test_every_command_stands_in_the_list_whole_and_within_80_columns():
    text = CliRunner().invoke(main, ["--help"], terminal_width=78).output  # as click has it on a terminal
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    for title, group in GROUPS.items():
        assert f"{title}:" in lines
        for name in group:
            (line,) = [each for each in lines if each.startswith(f"  {name} ")]
            assert len(line.split(maxsplit=1)[1]) > 15
            assert not line.endswith("..."), "the first sentence of the command is too long for the list"


@pytest.mark.parametrize("name", [each for each in COMMANDS if each != "dev"])
def test_every_command_explains_itself_and_each_of_its_options(name):
    text = CliRunner().invoke(main, [name, "-h"]).output
    assert text == CliRunner().invoke(main, ["help", name]).output
    assert max(map(len, text.splitlines())) <= 80
    command = main.get_command(None, name)
    assert all(each.help for each in command.params if each.param_type_name == "option")


def test_a_misspelt_command_is_answered_with_the_one_that_is_close():
    run = CliRunner().invoke(main, ["chekc"])
    assert run.exit_code == 2
    assert "there is no command 'chekc'; did you mean tt check?" in run.output
    assert CliRunner().invoke(main, ["xyzzy"]).output.rstrip().endswith("there is no command 'xyzzy'")


def test_colour_is_used_on_a_terminal_and_nowhere_else(folder):
    assert "\x1b[" in on_a_terminal("status")
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        for words in (["status"], ["check"], ["lesson", "00.number.mul"]):
            assert "\x1b" not in on_a_terminal(*words, **more)
    piped = subprocess.run([*TT, "lesson", "00"], env=settings(), capture_output=True, text=True)
    assert "\x1b" not in piped.stdout


def test_no_colour_is_used_that_cannot_be_read_on_a_dark_or_on_a_light_ground(monkeypatch):
    monkeypatch.setattr(pages, "colour", lambda: True)
    codes = {
        int(each) for found in re.findall(r"\x1b\[([\d;]*)m", page(TEXT)) for each in found.split(";") if each
    }
    assert codes
    yellow, blue = 33, 34
    assert not codes & {yellow, blue, *range(38, 39), *range(40, 50), *range(90, 108)}


def test_without_colour_code_and_headings_are_still_told_from_prose(monkeypatch):
    monkeypatch.setattr(pages, "colour", lambda: False)
    text = page(TEXT)
    assert text.isascii()
    assert "`x.mT`" in text
    assert "`Number.__mul__`\n----" in text
    assert "A title\n=======" in text


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_prose_fits_and_code_is_never_cut(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(TEXT + "word " * 60).splitlines()
    code = [line for line in lines if "print(" in line]
    assert code[0].endswith('columns are wide")')
    assert max(len(line) for line in lines if line not in code) <= min(columns, 80)


@pytest.mark.parametrize("module", modules(), ids=lambda each: each.number)
def test_no_sentence_of_a_lesson_is_taken_for_a_list(module):
    text = module.path("lesson.md").read_text(encoding="utf-8")
    broken = re.findall(r"^\S.*\n1[.)] .*", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    assert broken == []  # a line that begins with "1." ends the paragraph before it


def closed(*words, what):
    command = " ".join([*(f"'{each}'" for each in [*TT, *words]), what])
    return subprocess.run(["sh", "-c", command], env=settings(), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("words", [["quiz", "00"], ["lab", "00"], ["check"], ["lesson", "00"], ["status"]])
def test_a_closed_input_or_output_is_no_crash(folder, words):
    for what in ("<&-", ">&-"):
        run = closed(*words, what=what)
        assert "Traceback" not in run.stderr
        assert run.returncode in (0, 1)


def test_where_nobody_answers_it_says_how_to_go_on(folder):
    run = closed("quiz", "00", "--seed", "5", what="<&-")
    assert "again      tt quiz 00 --seed 5" in run.stdout


SLEEPS = "print('begun', flush=True)\nimport time\ntime.sleep(60)\n"


@pytest.mark.parametrize("words", [["run", "sleeps.py"], ["blame", "sleeps.py"], ["watch"]])
def test_ctrl_c_is_one_calm_line(folder, words):
    (folder.root / "sleeps.py").write_text(SLEEPS, encoding="utf-8")
    path = folder.root / "first" / "tape.py"
    stub = 'raise NotImplementedError("00.number.mul is yours to write")'
    path.write_text(path.read_text(encoding="utf-8").replace(stub, "return 0"), encoding="utf-8")
    process = subprocess.Popen(
        [*TT, *words], env=settings(PYTHONUNBUFFERED="1"), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if words[0] != "blame":
        process.stdout.readline()
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=30)[0]
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert (process.returncode, last) == (
        (0, "ended") if words == ["watch"] else (130, "stopped    nothing is lost")
    )


def test_a_full_pipe_that_is_closed_early_is_no_crash(folder):
    run = closed("run", "00", what="| head -1")
    assert "Traceback" not in run.stderr
    assert run.stdout.count("\n") == 1
