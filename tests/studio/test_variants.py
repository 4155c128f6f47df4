"""Known mistakes as they are listed: written out, or the reference with some lines exchanged."""

import pytest

from tinytorch_studio import course
from tinytorch_studio.course import CourseError
from tinytorch_studio.variants import variants

SOURCE = '''"""Sums."""


class Sum:
    def of(self, values):
        """Their sum."""
        total = 0  # of nothing
        for value in values:
            if value:
                total += value
        return total
'''
MODULE = 'title = "Sums"\nquestion = "How?"\nfiles = ["sums/total.py"]\n\n[[exercise]]\nname = "Sum.of"\n'
CHANGE = """from tinytorch_course.kit import change

change("Sum.of", "no-zeros", "you skipped", {edits})
"""


@pytest.fixture
def listed(tmp_path):
    """The variants of a mistakes.py with one change."""

    def made(edits):
        files = {"module.toml": MODULE, "sums/total.py": SOURCE, "mistakes.py": CHANGE.format(edits=edits)}
        for name, content in files.items():
            path = tmp_path / "07_sums" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        module = course.read_module(tmp_path / "07_sums")
        return variants(module.path("mistakes.py"), module)

    return made


def does(variant, *arguments):
    """What a variant returns."""
    names = {}
    exec(variant.source, names)
    return names["of"](None, *arguments)


def test_some_lines_of_the_reference_are_exchanged_wherever_they_are_indented(listed):
    edits = '("if value:\\n    total += value", "total += value + 1"), ("return total", "return -total")'
    (found,) = listed(edits)
    assert (found.exercise, found.function, found.name) == ("Sum.of", "Sum.of", "no-zeros")
    assert does(found, [1, 0, 2]) == -6


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ('("total = 1", "pass")', "Sum.of has 0 places that read 'total = 1'"),
        ('("if value:\\ntotal += value", "pass")', "0 places"),
        ('("", "pass")', "has 7 places"),
    ],
)
def test_lines_that_do_not_stand_there_once_are_an_error(listed, edits, says):
    with pytest.raises(CourseError, match=r"mistakes\.py:3:") as error:
        listed(edits)
    assert says in str(error.value)
