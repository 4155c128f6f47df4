"""The project's pages: their programs print what they say, their links lead somewhere, and no file is forgotten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = os.environ | {"PYTHONPATH": str(ROOT / "src")}
PROGRAM = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_program_on_a_page_prints_what_the_page_says(page):
    for program, printed in PROGRAM.findall(page.read_text(encoding="utf-8")):
        done = subprocess.run([sys.executable, "-c", program], env=SETTINGS, capture_output=True, text=True)
        assert done.stdout == printed, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_a_file_leads_to_it(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_architecture_page_names_every_part_of_the_framework():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = [p for p in (ROOT / "src" / "tinytorch").glob("*.py") if not p.stem.startswith("_")]
    folders = [p for p in (ROOT / "src" / "tinytorch").iterdir() if (p / "__init__.py").exists()]
    missing = [p.stem for p in (*files, *folders) if not re.search(rf"`{p.stem}\b", page)]
    assert missing == []
