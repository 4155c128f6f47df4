"""Every place in PyTorch that the course points at is there, in the installed wheel."""

import ast
import re
from pathlib import Path

import pytest
import torch

from tinytorch_studio.course import modules

WHEEL = Path(torch.__file__).parents[1]
LINKS = [(each.id, link) for module in modules() for each in module.exercises for link in each.production]


def defined(source: str, name: str, is_python: bool) -> bool:
    """Whether a file defines a name; a dotted one inside its class."""
    if not is_python:
        return re.search(rf"\b{re.escape(name)}\s*\(", source) is not None
    body = ast.parse(source).body
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        found = [node for node in body if isinstance(node, kinds) and node.name == part]
        if not found:
            return False
        body = found[-1].body
    return True


@pytest.mark.parametrize(("exercise", "link"), LINKS, ids=[f"{id} {link}" for id, link in LINKS])
def test_a_production_link_is_defined_in_the_wheel(exercise, link):
    path, _, name = link.partition(": ")
    source = (WHEEL / path).read_text(encoding="utf-8")
    assert defined(source, name, path.endswith(".py"))


def test_a_name_that_is_not_there_is_not_found():
    assert not defined("class Tensor:\n    def forward(self): ...\n", "Tensor.backward", True)
    assert defined("class Tensor:\n    def backward(self): ...\n", "Tensor.backward", True)
    assert defined("inline void cpu_kernel_vec(int x) {", "cpu_kernel_vec", False)
    assert not defined("inline void cpu_kernel(int x) {", "cpu_kernel_vec", False)
