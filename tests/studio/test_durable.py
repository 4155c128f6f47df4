"""Two commands at once, a full disk, damage, links, large files: nothing of the learner's is lost, and what is wrong is said in one line.

TINYTORCH_ROUNDS sets how often several commands are let loose on one folder, and how much room a full disk has left.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinytorch_studio import check, incidents, snapshots
from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.snapshots import Snapshots, append, entries, write_whole
from tinytorch_studio.starters import put

ROUNDS = int(os.environ.get("TINYTORCH_ROUNDS", "1"))
(FIRST, _), (MODULE, (STRIDES,)) = find("00"), find("01.layout.contiguous_strides")
RIGHT = "def f(shape):\n    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))"
TYPED = "5\nyes\n1\n3 4\n" * 40
POSIX = pytest.mark.skipif(os.name != "posix", reason="links and modes are POSIX's")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a few states, and the observations that its checks need."""
    place = tmp_path_factory.mktemp("durable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(place / "cache"))
        mine = Folder.create(place / "mine")
        for module in (FIRST, MODULE):
            mine.begin(module)
        incidents.begin(mine, MODULE, incidents.told(MODULE))
        check.run_reference(MODULE, STRIDES)
        write(mine)
        mine.snapshots.keep("test")
        mine.note("built", "01.layout.expand")
    return place


@pytest.fixture
def mine(place, tmp_path, monkeypatch):
    """The same folder, to be damaged; commands are called in it."""
    shutil.copytree(place / "mine", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    monkeypatch.setenv("TINYTORCH_CACHE", str(place / "cache"))
    return Folder(tmp_path / "mine")


def write(folder, definition=RIGHT):
    path = folder.root / STRIDES.file
    path.write_text(put(path.read_text(encoding="utf-8"), "contiguous_strides", definition), encoding="utf-8")


def tt(*words):
    return CliRunner().invoke(main, words, catch_exceptions=False)


def started(place, root, words, **more):
    """A command as a process of its own, with answers to whatever it asks."""
    settings = os.environ | {"PYTHONPATH": str(SOURCE), "TINYTORCH_CACHE": str(place / "cache")} | more
    command = subprocess.Popen(
        [sys.executable, "-P", "-m", "tinytorch_studio", *words.split()],
        cwd=root,
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    command.stdin.write(TYPED)
    command.stdin.close()
    return command


def said(command):
    text = command.stdout.read()
    command.stdout.close()
    command.wait(120)
    assert "Traceback" not in text, text
    return text


def texts(folder):
    """Every file of the learner's."""
    return {
        path: path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file() and ".tt" not in path.parts
    }


def sound(folder):
    """Each line of both journals can be read, and all that they name is kept."""
    for path in (folder.snapshots.journal, folder.progress):
        assert None not in snapshots.lines(path)
    for state in folder.snapshots.states():
        for digest in state["files"].values():
            folder.snapshots.content(digest)


AT_ONCE = [
    "check 01.layout.contiguous_strides",
    "reset 01.layout.contiguous_strides",
    "hint 01.layout.permute",
    "quiz 00 --seed 1 --question value_after_a_step",
    "undo",
    "next 02",
    "incident 01 --again",
    "hint 01.layout.expand",
]


def test_commands_at_once_lose_nothing_of_each_other(place, mine):
    hinted = len([each for each in entries(mine.progress) if each["what"] == "hint"])
    for number in range(ROUNDS):
        past, progress = mine.snapshots.states(), entries(mine.progress)
        write(mine, RIGHT.replace("len(shape)", f"len(shape) + {number} * 0"))
        both = [started(place, mine.root, words) for words in AT_ONCE]
        for each in both:
            said(each)
        sound(mine)
        assert mine.snapshots.states()[: len(past)] == past
        now = entries(mine.progress)
        assert [each for each in now if each in progress][: len(progress)] == progress
        assert len([each for each in now if each["what"] == "hint"]) == hinted + 2 * (number + 1)
        for path in mine.snapshots.files():
            compile(path.read_bytes(), path, "exec")


def test_what_two_resets_at_once_empty_is_both_empty(place, mine):
    for name in ("permute", "expand"):
        path = mine.root / STRIDES.file
        text = put(path.read_text(encoding="utf-8"), f"Layout.{name}", "def f(self):\n    return self")
        path.write_text(text, encoding="utf-8")
    both = [started(place, mine.root, f"reset 01.layout.{name}") for name in ("permute", "expand")]
    for each in both:
        assert "emptied" in said(each)
    for name in ("permute", "expand"):
        assert mine.state(find(f"01.layout.{name}")[1][0]) == "unwritten"


APPENDING = """
import sys
from pathlib import Path
from tinytorch_studio.snapshots import append
for number in range(100):
    append(Path(sys.argv[1]), {"what": "built", "id": f"{sys.argv[2]} {number}"})
"""


def test_lines_that_several_processes_append_all_arrive_and_none_is_written_again(tmp_path):
    journal = tmp_path / "journal"
    append(journal, {"what": "built", "id": "first"})
    with journal.open("ab") as file:
        file.write(b'{"torn')
    before = journal.stat().st_ino
    command = [sys.executable, "-c", APPENDING, str(journal)]
    settings = os.environ | {"PYTHONPATH": str(SOURCE)}
    some = [subprocess.Popen([*command, name], env=settings) for name in "abc"]
    assert [each.wait(120) for each in some] == [0, 0, 0]
    assert {each["id"] for each in entries(journal)} == {
        "first",
        *(f"{a} {n}" for a in "abc" for n in range(100)),
    }
    assert journal.stat().st_ino == before
    assert snapshots.lines(journal)[1] is None


def test_a_command_does_not_wait_for_ever_for_another(mine, monkeypatch):
    monkeypatch.setattr(snapshots.lock, "__defaults__", (0.2,))
    with mine.snapshots.lock.open("ab") as file:
        assert snapshots.lock(file)
        run = tt("undo")
    assert run.exit_code == 1
    assert "another command has been at work here" in run.output


WRITING = [
    "start .",
    "next 02",
    "check 01.layout.contiguous_strides",
    "hint 01.layout.permute",
    "show 01.layout.permute --svg drawn.svg",
    "undo",
    "redo",
    "reset 01.layout.contiguous_strides",
    "quiz 00 --seed 1",
    "lab 00",
    "incident 01",
    "incident 01 --again",
    "milestone xor",
]


BRIEF = ("hint", "quiz", "lab")  # what they write may fit into a block that is there already


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MiB, for as long as the test runs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=777", "tt", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk, left=0):
    """Leave so many bytes."""
    (disk / "filler").unlink(missing_ok=True)
    (disk / "filler").write_bytes(b"x" * (shutil.disk_usage(disk).free - left))


may_mount = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0 or sys.platform != "linux",
    reason="only root mounts a small disk",
)


@may_mount
@pytest.mark.parametrize("words", WRITING)
def test_on_a_full_disk_a_command_says_so_in_one_line_and_loses_nothing(place, small_disk, words):
    for number in range(ROUNDS):
        shutil.copytree(place / "mine", small_disk / "mine", dirs_exist_ok=True)
        folder = Folder(small_disk / "mine")
        path = folder.root / STRIDES.file
        path.write_text(path.read_text(encoding="utf-8") + "# not kept yet\n", encoding="utf-8")
        fill(small_disk, left=4096 * number)
        before, past, progress = texts(folder), folder.snapshots.states(), entries(folder.progress)
        output = said(started(place, folder.root, words))
        after = texts(folder)
        if "No space left" in output:
            assert output.splitlines()[-1].startswith("Error: No space left on device")
            assert all(after[path] == before[path] for path in before)
        else:
            assert number > 0 or words.split()[0] in BRIEF, output
        sound(folder)
        assert folder.snapshots.states()[: len(past)] == past
        assert entries(folder.progress)[: len(progress)] == progress
        (small_disk / "filler").unlink()
        assert "Error" not in said(started(place, folder.root, "history"))
        folder.snapshots.keep("there is room again")
        shutil.rmtree(folder.root)


@may_mount
def test_where_the_place_for_temporary_files_is_full_a_check_says_that_and_blames_nobody(
    place, mine, small_disk
):
    found = set()
    for left in range(5):
        fill(small_disk, left=4096 * left)
        run = started(place, mine.root, "check 01.layout.contiguous_strides", TMPDIR=str(small_disk))
        output = said(run)
        assert "right" in output if run.returncode == 0 else "Error: No space left on device" in output, (
            output
        )
        found.add(run.returncode)
    assert found == {0, 1}  # where nothing fits at all, Python itself goes elsewhere


@may_mount
def test_where_observations_cannot_be_kept_a_check_goes_on_and_says_so_once(place, mine, small_disk):
    fill(small_disk)
    run = started(place, mine.root, "check 01.layout.contiguous_strides", TINYTORCH_CACHE=str(small_disk))
    output = said(run)
    assert run.returncode == 0, output
    assert output.count("nothing can be kept in") == 1


def test_a_disk_that_fills_up_while_something_is_written_leaves_what_was_there(mine, monkeypatch):
    path, progress = mine.root / STRIDES.file, mine.progress.read_bytes()
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for write_something in (lambda: write_whole(path, b"new"), lambda: mine.note("built", "00.number.add")):
        with pytest.raises(OSError, match="No space left"):
            write_something()
    assert path.read_bytes() == before
    assert mine.progress.read_bytes() == progress
    assert list(path.parent.glob(".*")) == []


def test_observations_that_were_damaged_are_made_anew(place, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path))
    wanted = check.run_reference(MODULE, STRIDES)
    (kept,) = check.cache().glob("*.json")
    for damage in (b"", b"[", b"[3]", b'[{"code": "1", "observed": {}}]', b"\xff" * 100):
        kept.write_bytes(damage)
        assert check.run_reference(MODULE, STRIDES) == wanted
        assert json.loads(kept.read_bytes()) == wanted


GARBAGE = (
    b'\x00\xff{"files": 3}\n[]\n{"time": "x", "why": 1, "files": {}}\n{"what": 3}\n' + b"[" * 100_000 + b"\n"
)


def test_a_journal_with_garbage_in_it_is_read_past_it(mine):
    states, progress = mine.snapshots.states(), entries(mine.progress)
    outside = {"time": 0, "why": "x", "files": {"../outside.py": "0" * 64}}
    for path in (mine.snapshots.journal, mine.progress):
        with path.open("ab") as file:
            file.write(GARBAGE + json.dumps(outside).encode() + b"\n")
    assert mine.snapshots.states() == states
    assert entries(mine.progress) == progress
    write(mine, "def f(shape):\n    return ()")
    for words in (["check", STRIDES.id], ["undo"], ["redo"], ["history"], ["status"]):
        assert "Error" not in tt(*words).output
    assert not (mine.root.parent / "outside.py").exists()


def test_an_object_that_is_damaged_or_gone_is_passed_over_and_said(mine):
    path = mine.root / STRIDES.file
    for body in ("()", "(1,)", "(2,)"):
        write(mine, f"def f(shape):\n    return {body}")
        mine.snapshots.keep("test")
    first, second = (state["files"][STRIDES.file] for state in mine.snapshots.states()[-3:-1])
    mine.snapshots.place(second).write_bytes(b"damaged")
    run = tt("undo")
    assert (
        "passed     a state that cannot be given back: what was kept of tinytorch/layout.py is damaged"
        in run.output
    )
    assert "return ()" in path.read_text(encoding="utf-8")
    mine.snapshots.place(first).unlink()
    mine.snapshots.keep("test")
    assert mine.snapshots.content(first) == path.read_bytes()  # what is there is kept again
    shutil.rmtree(mine.snapshots.objects)
    run = tt("undo")
    assert run.exit_code == 1
    assert "is not there any more" in run.output
    assert "return ()" in path.read_text(encoding="utf-8")


def test_a_folder_that_lost_its_past_is_taken_as_it_is(mine, monkeypatch):
    monkeypatch.setattr("tinytorch_studio.commands.begin.observe_ahead", lambda module: None)
    before = texts(mine)
    shutil.rmtree(mine.root / ".tt")
    assert "tt start" in tt("check").output
    assert "Error" not in tt("start", ".").output
    assert texts(mine) == before
    assert tt("check", STRIDES.id).exit_code == 0


def test_a_clock_that_goes_backwards_changes_nothing(mine, monkeypatch):
    write(mine, "def f(shape):\n    return ()")
    mine.snapshots.keep("test")
    monkeypatch.setattr(snapshots.time, "time", lambda: 1000.0)
    write(mine)
    tt("check", STRIDES.id)
    assert tt("undo").exit_code == 0
    assert "return ()" in (mine.root / STRIDES.file).read_text(encoding="utf-8")
    assert len(tt("history").output.splitlines()) == len(mine.snapshots.states())


def test_a_file_of_50_mb_is_kept_like_any_other(mine):
    large = mine.root / "large.py"
    large.write_bytes(b"# " + b"x" * 50_000_000 + b"\n")
    mine.snapshots.keep("large")
    before = large.read_bytes()
    large.write_bytes(b"")
    assert mine.snapshots.undo() == ["large.py"]
    assert large.read_bytes() == before


@POSIX
def test_links_stay_links_and_what_they_lead_to_is_kept_and_given_back(mine, tmp_path):
    (mine.root / "tinytorch").rename(tmp_path / "elsewhere")
    (mine.root / "tinytorch").symlink_to(tmp_path / "elsewhere")
    tape = mine.root / "first" / "tape.py"
    tape.rename(tmp_path / "tape.py")
    tape.symlink_to(tmp_path / "tape.py")
    before = (tmp_path / "tape.py").read_bytes(), (tmp_path / "elsewhere" / "layout.py").read_bytes()
    mine.snapshots.keep("linked")
    write(mine, "def f(shape):\n    return ()")
    (tmp_path / "tape.py").write_bytes(b"lost = True\n")
    assert sorted(mine.snapshots.undo()) == ["first/tape.py", "tinytorch/layout.py"]
    assert (
        (tmp_path / "tape.py").read_bytes(),
        (tmp_path / "elsewhere" / "layout.py").read_bytes(),
    ) == before
    assert tape.is_symlink()
    assert (mine.root / "tinytorch").is_symlink()


@POSIX
def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(mine):
    path = mine.root / STRIDES.file
    path.chmod(0o640)
    write_whole(path, b"x = 1\n")
    write_whole(mine.root / "new.py", b"x = 1\n")
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640
    assert (mine.root / "new.py").stat().st_mode & 0o777 == 0o666 & ~mask


@POSIX
def test_a_folder_or_a_link_to_itself_in_the_place_of_a_file_is_no_file(mine):
    path = mine.root / STRIDES.file
    text = path.read_bytes()
    path.unlink()
    path.symlink_to(path)
    assert tt("undo").exit_code == 0
    assert path.read_bytes() == text
    path.unlink()
    path.mkdir()
    run = tt("undo")
    assert run.exit_code == 1
    assert "Is a directory" in run.output
    assert "layout.py" in run.output


def test_only_the_learners_own_files_are_kept(mine):
    for name in (".venv/lib/a.py", "env/lib/b.py", ".hidden/c.py", "__pycache__/d.py", "own/e.py"):
        path = mine.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    (mine.root / "env" / "pyvenv.cfg").write_text("", encoding="utf-8")
    names = {path.relative_to(mine.root).parts[0] for path in mine.snapshots.files()}
    assert names == {"first", "tinytorch", "incidents", "own"}


def test_what_a_write_that_was_cut_off_left_is_swept_and_one_that_goes_on_is_not(tmp_path):
    root = Snapshots(tmp_path)
    left, going_on = tmp_path / ".layout.py.0123456789ab.tt", tmp_path / ".tape.py.0123456789ab.tt"
    for path in (left, going_on):
        path.write_bytes(b"half")
    with going_on.open("r+b") as file:
        assert snapshots.lock(file)
        root.keep("later")
        assert (left.exists(), going_on.exists()) == (False, True)
    root.keep("later")
    assert not going_on.exists()
    assert root.states()[-1]["files"] == {}


def test_what_is_swept_before_it_is_locked_is_written_once_more(tmp_path, monkeypatch):
    calls = []

    def swept(file, seconds=0.0):
        calls.append(file.name)
        if len(calls) == 1:
            Path(file.name).unlink()
        return True

    monkeypatch.setattr(snapshots, "lock", swept)
    write_whole(tmp_path / "x.py", b"x = 1\n")
    assert (tmp_path / "x.py").read_bytes() == b"x = 1\n"
    assert len(calls) == 2


def test_time_passes_between_two_states(mine):
    past = [each["time"] for each in mine.snapshots.states()]
    assert past == sorted(past)
    assert past[-1] <= time.time()
