"""What the tests of all modules share: a module's files loaded, its questions asked, its incident run."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import io
import random
import sys
import time

from tinytorch_course.kit import LEVELS


def part(module, name):
    """One file of a module; its folder's name is no name of a package."""
    spec = importlib.util.spec_from_file_location(f"m{module.number}_{name}", module.path(f"{name}.py"))
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def generators(questions):
    """The questions of a module by name."""
    return {
        name: each
        for name, each in vars(questions).items()
        if inspect.isfunction(each) and each.__module__ == questions.__name__ and not name.startswith("_")
    }


def asked(generator, oracle, least=10):
    """Twenty questions, each answered by the oracle as well, which is not tinytorch."""
    made = [generator(random.Random(seed)) for seed in range(20)]
    for question in made:
        assert question.answers == oracle(question), question.prompt
        assert question.explain
    assert len({(each.prompt, repr(each.answers)) for each in made}) >= least
    assert len({repr(list(each.answers.values())) for each in made}) > 2


def measured(labs, seconds=20):
    """What every lab measures, by its name: exactly what is predicted, and facts that begin with _."""
    found = {}
    for lab in labs.LABS:
        began = time.perf_counter()
        found[lab.name] = seen = lab.measure()
        assert time.perf_counter() - began < seconds
        assert [key for key in seen if not key.startswith("_")] == [each.name for each in lab.predictions]
        assert lab.explain
        assert lab.answer
    return found


def ran(program, observe):
    """What a program's namespace shows when it has run, and what it printed."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, names)
    return observe(names), printed.getvalue()


def before_and_after(incident):
    """An incident's program as it is, and repaired; its line stands there once, and the repair changes what is seen."""
    assert incident.level in LEVELS
    assert incident.program.count(incident.line) == 1
    assert len(incident.program.splitlines()) < 40
    wrong, log = ran(incident.program, incident.observe)
    right, _ = ran(incident.program.replace(incident.line, incident.repair), incident.observe)
    assert wrong != right
    assert log
    return wrong, right
