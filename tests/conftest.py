"""Settings of all tests: what hypothesis tries is the same in every run; what needs kernels is left out where none can be."""

import os

import pytest
from hypothesis import settings

from tinytorch.devices.native.build import compiler
from tinytorch.devices.native.library import loaded

if compiler() is None:
    os.environ["TINYTORCH_KERNELS"] = "0"  # NumPy serves, and would say so in the first test that computes
loaded()  # decided once in a process: before the tests of a course turn kernels off for what they start

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

import signal

# A shell that starts the tests in the background lets them ignore Ctrl-C; what they start must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    config.addinivalue_line("markers", "kernels: of compiled kernels, which need a C compiler")


def pytest_collection_modifyitems(items):
    """Where there is a compiler kernels have to work; without one, or with TINYTORCH_KERNELS=0, NumPy serves."""
    if os.environ.get("TINYTORCH_KERNELS") != "0" and compiler() is not None:
        return
    for item in items:
        if item.get_closest_marker("kernels"):
            item.add_marker(pytest.mark.skip(reason="TINYTORCH_KERNELS=0, or there is no C compiler"))
