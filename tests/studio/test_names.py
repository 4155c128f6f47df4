"""What a word means: every plausible spelling of an exercise or a module, and what is said of the others."""

import ast

import pytest

from tinytorch_studio.course import CourseError, find, modules
from tinytorch_studio.diagnosis import case_row, folded


@pytest.mark.parametrize(
    "word", ["01", "1", "memory", "01_memory", "Memory", " 01 ", "layout.py", "tinytorch/layout.py"]
)
def test_a_module_is_its_number_its_name_or_its_only_file(word):
    module, exercises = find(word)
    assert module.number == "01"
    assert exercises == module.exercises


@pytest.mark.parametrize(
    ("words", "id"),
    [
        (
            "01.layout.permute layout.permute Layout.permute permute permute() 01.permute 1.permute",
            "01.layout.permute",
        ),
        ("00.number.mul 00.mul mul __mul__ Number.__mul__ number.mul 00.Number.__mul__()", "00.number.mul"),
        ("05.sweep.run 05.run Sweep.run", "05.sweep.run"),
        ("matmul contract.matmul", "03.contract.matmul"),  # the whole name of one, and the end of others
    ],
)
def test_an_exercise_is_its_id_its_name_or_the_end_of_them(words, id):
    for word in words.split():
        assert [each.id for each in find(word)[1]] == [id], word


def test_every_exercise_is_found_by_its_id_its_name_and_its_end_with_the_number():
    for module in modules():
        for each in module.exercises:
            end = each.local.rpartition(".")[2]
            alone = sum(other.local.endswith(f".{end}") for other in module.exercises) == 1
            for word in (each.id, each.local, each.name, *[f"{each.module}.{end}"] * alone):
                assert find(word, near=each.module)[1] == (each,), word


def test_a_file_that_belongs_to_several_exercises_means_these():
    assert {each.file for each in find("tensor.py")[1]} == {"tinytorch/tensor.py"}


def test_an_end_that_several_share_is_refused_with_their_ids_or_taken_from_the_module_that_is_near():
    with pytest.raises(CourseError, match=r"several ids: 00\.number\.add, 05\.sweep\.add"):
        find("add")
    assert find("add", near="05")[1][0].id == "05.sweep.add"
    with pytest.raises(CourseError, match=r"02\.loops\.reduce, 02\.cpu\.reduce"):
        find("reduce", near="02")


@pytest.mark.parametrize(
    ("word", "close"),
    [
        ("permut", "01.layout.permute"),
        ("mulll", "00.number.mul"),
        ("contigous_strides", "01.layout.contiguous_strides"),
    ],
)
def test_a_misspelt_name_is_answered_with_what_is_close(word, close):
    with pytest.raises(CourseError, match=close):
        find(word)


@pytest.mark.parametrize("word", ["", ".", "1.", "99", "no-such-thing", "/"])
def test_what_means_nothing_is_refused(word):
    with pytest.raises(CourseError, match="there is no module or exercise"):
        find(word)


LONG = [
    "x = tt.tensor([[0.5, -0.9, 1.2], [-1.6, 0.3, 2.1]], dtype=tt.float64).requires_grad_()\nx.mT",
    "f('a, b, c, d', {1: (2, 3)}, [4, 5, 6])",
    "a_name_that_is_long_and_has_no_comma_to_break_at(x)",
    "f(g(1, 2, 3), h('(', 4), 5)",
]


@pytest.mark.parametrize("code", LONG)
@pytest.mark.parametrize("room", [10, 20, 40, 69])
def test_a_long_case_is_broken_where_it_stays_the_same_program(code, room):
    assert ast.dump(ast.parse(folded(code, room))) == ast.dump(ast.parse(code))


def test_a_case_fits_into_80_columns():
    assert max(map(len, case_row(LONG[0]).splitlines())) <= 80
