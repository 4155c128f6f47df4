"""Freed memory stays in the process: a training step that was made before faults no pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
STEPS = """
import resource
import tinytorch as tt
def step():
    x = tt.ones(1000, 1000)
    return ((x * 2 + x) @ x).sum()
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(setting):
    """Pages that ten steps asked the system for, each of about 16 MB in arrays."""
    settings = os.environ | {"PYTHONPATH": str(SOURCE), "TINYTORCH_MALLOC": setting}
    done = subprocess.run(
        [sys.executable, "-c", STEPS], env=settings, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(
    os.confstr("CS_GNU_LIBC_VERSION") is None if hasattr(os, "confstr") else True, reason="glibc's"
)
def test_memory_is_kept_unless_that_is_turned_off():
    kept, returned = faults("1"), faults("0")
    assert kept < 1000 < returned
