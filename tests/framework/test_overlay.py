"""Files and functions that shadow the package's own, tried in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tinytorch

SOURCE = Path(tinytorch.__file__).parents[1]


def run(folder, code, path=None):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(path or folder), str(SOURCE)])}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def written(tmp_path, text, name="layout.py"):
    target = tmp_path / "tinytorch" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


STUB = '    raise NotImplementedError("01.layout.contiguous_strides is yours to write")\n'


def starter():
    """layout.py with one function unwritten, by hand."""
    text = (SOURCE / "tinytorch" / "layout.py").read_text(encoding="utf-8")
    start = text.index("    strides, step = [], 1\n")
    end = text.index("def broadcast_shapes")
    return text[:start] + STUB + "\n\n" + text[end:]


def test_a_file_in_front_is_the_one_that_runs(tmp_path):
    mine = written(tmp_path, starter())
    assert run(tmp_path, "import tinytorch.layout as m; print(m.__file__)").strip() == str(mine)


def test_an_unwritten_function_runs_as_the_packages_own(tmp_path):
    written(tmp_path, starter())
    assert "12, 4, 1" in run(tmp_path, "import tinytorch as tt; print(tt.ones(2, 3, 4).stride())")
    code = "import tinytorch; from tinytorch.overlay import completions; print(completions())"
    assert "{'tinytorch.layout': {'contiguous_strides'}}" in run(tmp_path, code)


def test_a_written_function_is_used_even_if_it_is_wrong(tmp_path):
    written(tmp_path, starter().replace(STUB, "    return (7,) * len(shape)\n"))
    assert "(7, 7)" in run(tmp_path, "import tinytorch as tt; print(tt.ones(2, 3).stride())")


def test_there_is_one_class_and_one_namespace(tmp_path):
    written(tmp_path, starter())
    code = (
        "import tinytorch as tt, tinytorch.layout as m\n"
        "print(type(tt.ones(2).array.layout) is m.Layout, m.contiguous_strides.__globals__ is vars(m))"
    )
    assert run(tmp_path, code).strip() == "True True"


def test_errors_name_the_file_that_each_line_came_from(tmp_path):
    written(tmp_path, starter())
    out = run(tmp_path, "from tinytorch.layout import contiguous_strides; contiguous_strides(3)")
    assert f'File "{SOURCE / "tinytorch" / "layout.py"}"' in out


def test_a_file_that_does_not_parse_fails_with_its_own_error(tmp_path):
    mine = written(tmp_path, "def broken(:\n")
    out = run(tmp_path, "import tinytorch")
    assert "SyntaxError" in out
    assert str(mine) in out


def test_no_bytecode_is_kept_of_a_completed_file(tmp_path):
    written(tmp_path, starter())
    environment_free = "import sys; sys.dont_write_bytecode = False; import tinytorch"
    run(tmp_path, environment_free)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_file_that_the_package_lacks_may_be_added(tmp_path):
    written(tmp_path, "VALUE = 5\n", "extra.py")
    assert run(tmp_path, "from tinytorch.extra import VALUE; print(VALUE)").strip() == "5"


def test_a_subpackage_is_shadowed_file_by_file(tmp_path):
    text = (SOURCE / "tinytorch" / "nn" / "linear.py").read_text(encoding="utf-8")
    mine = written(tmp_path, text, "nn/linear.py")
    code = "from tinytorch.nn import linear, module; print(linear.__file__, module.__file__)"
    assert run(tmp_path, code).split() == [str(mine), str(SOURCE / "tinytorch" / "nn" / "module.py")]


def test_a_folder_with_an_init_file_is_somebody_elses_package(tmp_path):
    written(tmp_path, starter())
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", "raise SystemExit", "layout.py")
    (tmp_path / "other" / "tinytorch" / "__init__.py").write_text("", encoding="utf-8")
    code = f"import sys; sys.path.insert(1, {str(SOURCE)!r}); import tinytorch.layout as m; print(m.__file__)"
    assert "other" not in run(tmp_path, code)
