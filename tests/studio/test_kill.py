"""`kill -9` at random instants of every command that writes: files are as before or as after, and nothing is torn.

TINYTORCH_KILLS sets how many kills each command gets. Some come from outside, after a random time, and end the command alone or its whole
process group; some it does itself, right before one of its calls that write, so that these instants are met too.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tinytorch_studio import check, incidents
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.snapshots import TEMPORARY, entries
from tinytorch_studio.starters import put

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
KILLS = int(os.environ.get("TINYTORCH_KILLS", "1"))
(FIRST, _), (MODULE, (STRIDES,)) = find("00"), find("01.layout.contiguous_strides")
BODIES = [
    "def f(shape):\n    return ()",
    "def f(shape):\n    return tuple(shape)",
    "def f(shape):\n    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))",
]
TYPED = "5\nyes\n1\n3 4\n" * 40  # one of these is an answer to whatever is asked
COMMANDS = {
    "start": "start .",
    "next": "next",
    "next, a module": "next 02",
    "check": "check 01.layout.contiguous_strides",
    "check, a module": "check 00",
    "watch": "watch",
    "hint": "hint 01.layout.permute",
    "repro": "repro 01.layout.permute",
    "show": "show 01.layout.permute",
    "show, a file": "show 01.layout.permute --svg drawn.svg",
    "undo": "undo",
    "redo": "redo",
    "reset": "reset 01.layout.contiguous_strides",
    "reset, a module": "reset 01",
    "quiz": "quiz 00 --seed 1",
    "lab": "lab 00",
    "incident": "incident 01",
    "incident, again": "incident 01 --again",
    "incident, a repair": "incident 02",
    "blame": "blame --seconds 20 tt check 01.layout.contiguous_strides",
    "milestone": "milestone xor",
}
COUNTING = """
import os, signal, sys
from pathlib import Path

at, count = int(sys.argv.pop(1)), 0
names = {"chmod", "flock", "flush", "fsync", "mkdir", "open", "replace", "truncate", "unlink", "write"}


def look(frame, event, called):
    global count
    near = (each.f_code.co_filename for each in (frame, frame.f_back) if each)
    if event == "c_call" and called.__name__ in names and any(each.endswith("snapshots.py") for each in near):
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)


from tinytorch_studio.cli import main
from tinytorch_studio.commands import begin

begin.observe_ahead = lambda module: None  # it would go on for long after this
sys.setprofile(None if at < 0 else look)
try:
    main(prog_name="tt")
finally:
    sys.setprofile(None)
    Path(os.environ["TMPDIR"], "count").write_text(str(count), encoding="utf-8")
"""


class State(NamedTuple):
    """What must survive."""

    files: dict[str, bytes]
    journal: list[dict]
    progress: list[dict]


def state(root):
    folder = Folder(root)
    there = [path for path in root.rglob("*") if path.is_file() and ".tt" not in path.relative_to(root).parts]
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in there}
    return State(files, folder.snapshots.states(), entries(folder.progress))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with something of everything, and the observations that its checks need."""
    place = tmp_path_factory.mktemp("kill")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(place / "cache"))
        mine = Folder.create(place / "mine")
        for module in (FIRST, MODULE):
            mine.begin(module)
            for exercise in module.exercises:
                check.run_reference(module, exercise)
        for mistake in check.mistakes_of(MODULE, STRIDES):
            check.run_reference(MODULE, STRIDES, mistake)
        for number in ("01", "02"):
            module, _ = find(number)
            incidents.begin(mine, module, incidents.told(module))
        wrong = mine.root / "incidents" / f"{module.folder.name}.py"
        wrong.write_text(f"{wrong.read_text(encoding='utf-8')}\nprint('looked at')\n", encoding="utf-8")
        path = mine.root / STRIDES.file
        for body in BODIES:
            text = put(path.read_text(encoding="utf-8"), "contiguous_strides", body)
            path.write_text(text, encoding="utf-8")
            mine.snapshots.keep("test")
        mine.snapshots.undo()
        mine.note("built", "01.layout.expand")
        (mine.root / "drawn.svg").write_text("<svg/>", encoding="utf-8")
        text = put(path.read_text(encoding="utf-8"), "contiguous_strides", BODIES[-1])
        path.write_text(f"{text}\n# not kept yet\n", encoding="utf-8")
    return place


def fresh(place, name):
    """The same folder once more, and one for temporary files."""
    root = place / name
    shutil.copytree(place / "mine", root / "mine")
    (root / "scratch").mkdir()
    return root


def started(place, root, words, at=-1):
    """A command, with everything typed that it may ask; `at`: before which of its calls that write it kills itself, 0 to count."""
    own = {
        "TINYTORCH_CACHE": str(place / "cache"),
        "TMPDIR": str(root / "scratch"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    (root / "typed").write_text(TYPED, encoding="utf-8")
    with (root / "typed").open("rb") as typed, (root / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", COUNTING, str(at), *words.split()],
            cwd=root / "mine",
            env=os.environ | {"PYTHONPATH": str(SOURCE)} | own,
            stdin=typed,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def others(root):
    """Processes that were started with this folder for temporary files."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(root / "scratch").encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def whole(name, content):
    """Whether a file that is made anew each time has an end."""
    match Path(name).suffix:
        case ".svg":
            return ElementTree.fromstring(content) is not None
        case ".png":
            return content.endswith(b"IEND\xaeB`\x82")
        case ".json":
            return bool(json.loads(content))
        case ".safetensors":
            size = int.from_bytes(content[:8], "little")
            ends = [each["data_offsets"][1] for each in json.loads(content[8 : 8 + size]).values()]
            return len(content) == 8 + size + max(ends)
    return False


def survived(before, after, root):
    """What a kill may leave: nothing less, nothing torn, and a folder in which everything goes on."""
    found, folder = state(root), Folder(root)
    assert set(before.files) <= set(found.files)
    for name, content in found.files.items():
        if not TEMPORARY.fullmatch(Path(name).name):
            known = (before.files.get(name), after.files.get(name))
            assert content in known or whole(name, content), name
    assert found.journal[: len(before.journal)] == before.journal
    assert found.progress[: len(before.progress)] == before.progress
    for path in (folder.snapshots.journal, folder.progress):
        assert path.read_bytes().endswith(b"\n")
    for entry in folder.snapshots.states():
        for digest in entry["files"].values():
            folder.snapshots.content(digest)
    folder.snapshots.keep("later")
    assert [path for path in root.rglob(".*.tt") if TEMPORARY.fullmatch(path.name)] == []
    texts = {name: content for name, content in state(root).files.items() if name.endswith(".py")}
    assert folder.snapshots.undo()
    folder.snapshots.redo()
    assert {name: state(root).files[name] for name in texts} == texts


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_instant_loses_nothing(place, name):
    rng = random.Random(name)
    root = fresh(place, name)
    before, begun = state(root / "mine"), time.perf_counter()
    command = started(place, root, COMMANDS[name], at=0)
    try:
        command.wait(3 if name == "watch" else 120)
        writes = int((root / "scratch" / "count").read_text(encoding="utf-8"))
    except subprocess.TimeoutExpired:
        assert name == "watch"  # which never ends by itself
        command.kill()
        command.wait()
    takes, after = time.perf_counter() - begun, state(root / "mine")
    said = (root / "said").read_text(encoding="utf-8")
    assert "Traceback" not in said, said
    met = 0
    for number in range(KILLS):
        root = fresh(place, f"{name} {number}")
        if rng.random() < 0.5 or name == "watch" or not writes:
            command = started(place, root, COMMANDS[name])
            time.sleep(rng.uniform(0.2, 0.9) * takes)
            rng.choice([os.kill, os.killpg])(command.pid, signal.SIGKILL)
        else:
            command = started(place, root, COMMANDS[name], at=rng.randint(1, writes))
        met += command.wait() == -signal.SIGKILL
        if sys.platform == "linux":
            until(lambda: others(root) == [])
        survived(before, after, root / "mine")
        shutil.rmtree(root)
    print(f"{name}: {met} of {KILLS} kills met it")


def test_a_torn_end_of_the_journal_and_of_progress_hides_nothing(place):
    folder = Folder(fresh(place, "torn") / "mine")
    past = folder.snapshots.states()
    folder.note("built", "01.layout.permute")
    for path in (folder.snapshots.journal, folder.progress):
        with path.open("ab") as file:
            file.write(b'{"what": "bu')
    assert folder.snapshots.states() == past
    folder.note("built", "01.layout.view")
    assert folder.built() == {"01.layout.permute", "01.layout.expand", "01.layout.view"}
    assert folder.snapshots.undo() != []
