"""Every lesson, run: its programs, its commands, its pictures, its headings and links; and a lesson that lies is found out."""

from __future__ import annotations

import dataclasses

import pytest

from tinytorch_studio import lessons
from tinytorch_studio.course import find, modules
from tinytorch_studio.dev.lessons import agrees, mismatches

MODULES = modules()


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.folder.name)
def test_a_lesson_prints_what_it_says(module, tmp_path):
    lesson = lessons.read(module)
    assert lesson is not None
    assert [str(each) for each in mismatches(module, lesson, tmp_path)] == []


LIES = {
    "a program that prints something else": (
        "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n",
        "the block above prints:\n2",
    ),
    "a program that fails": ("```python\nprint(1 / 0)\n```\n", "ZeroDivisionError"),
    "output that is not shown": ("```python\nprint('more')\n```\n", "no text block follows"),
    "a command that says something else": ("```console\n$ tt list\nnothing\n```\n", "tt list prints"),
    "a mistake that there is not": (
        "<!-- write Number.__add__: no-such -->\n",
        "there is no mistake no-such",
    ),
    "a link that leads nowhere": ("[there](no-such-file.md)\n", "which is not there"),
    "a picture of nothing": ("```picture\n1 + 1\n```\n", "this is no picture"),
    "a picture that fails": ("```picture\nmissing\n```\n", "this is no picture"),
    "an exercise without a heading": ("text\n", "there is no heading ### Number.__add__"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lesson_that_is_not_true_is_found_out(name, tmp_path):
    text, says = LIES[name]
    module, _ = find("00")
    (tmp_path / "module").mkdir()
    for file in ("mistakes.py", "probes.py"):
        content = module.path(file).read_text(encoding="utf-8")
        (tmp_path / "module" / file).write_text(content, encoding="utf-8")
    (tmp_path / "module" / "lesson.md").write_text(f"# A lesson\n\n{text}", encoding="utf-8")
    made = dataclasses.replace(module, folder=tmp_path / "module")
    (tmp_path / "work").mkdir()
    (tmp_path / "module" / "first").symlink_to(module.folder / "first")
    lesson = lessons.read(made)
    found = "\n".join(str(each) for each in mismatches(made, lesson, tmp_path / "work"))
    assert says in found


def test_headings_in_another_order_are_found(tmp_path):
    module, exercises = find("00")
    text = "".join(f"### {each.name}\n\ntext\n\n" for each in reversed(exercises))
    (tmp_path / "lesson.md").write_text(text, encoding="utf-8")
    made = dataclasses.replace(module, folder=tmp_path)
    found = [str(each) for each in mismatches(made, lessons.read(made), tmp_path)]
    assert any("module.toml has Number.__add__ in this place" in each for each in found)


def test_three_dots_stand_for_any_text_and_alone_for_any_lines():
    assert agrees(["a ... c", "...", "z"], ["a b c", "x", "y", "z"])
    assert agrees(["..."], [])
    assert not agrees(["a ... c"], ["a b d"])
    assert not agrees(["a", "..."], ["b", "c"])
    assert not agrees(["a"], ["a", "b"])
