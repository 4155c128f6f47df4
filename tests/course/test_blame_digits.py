"""A wrong gradient that crashes nothing: the milestone misses its figure, and `tt blame` names the function."""

from __future__ import annotations

from click.testing import CliRunner

from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.dev.verdicts import begun
from tinytorch_studio.starters import put

WRONG = """def grad(self, g, out, x, y):
    to_x = g @ y.mT * -1.0 if x.requires_grad else None
    to_y = x.mT @ g if y.requires_grad else None
    return to_x, to_y
"""


def test_one_wrong_sign_among_all_functions_is_named_by_blame(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    chosen = [find("04")[0], find("05")[0]]
    folder = begun(tmp_path / "mine", chosen)
    monkeypatch.chdir(folder.root)
    path = folder.root / "tinytorch" / "ops" / "contract.py"
    path.write_text(put(path.read_text(encoding="utf-8"), "MatMul.grad", WRONG), encoding="utf-8")
    written = sum(len(each.functions) for module in chosen for each in module.exercises)
    done = CliRunner().invoke(main, ["blame", "tt", "milestone", "digits"], catch_exceptions=False)
    assert f"It fails with all {written} of your functions" in done.output
    assert "because of MatMul.grad   (04.matmul.grad)" in done.output
    assert done.output.count("because of") == 1
