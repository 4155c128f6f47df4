"""Settings of the course's tests: compiled kernels are off, as they are for a learner's checks, labs and programs."""

import pytest

from tinytorch.devices.native import disabled


@pytest.fixture(autouse=True)
def _definitions(monkeypatch):
    monkeypatch.setenv("TINYTORCH_KERNELS", "0")
    with disabled():
        yield
