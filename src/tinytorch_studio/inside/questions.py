"""The child that makes a module's questions: `python -P -m tinytorch_studio.inside.questions`."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from typing import Any

from tinytorch_studio.inside.telling import Line, load, tell


def work(job: dict[str, Any]) -> Iterator[Line]:
    """One line for each question that the job names. Its numbers depend on the seed and its name, on nothing else."""
    made = load(job["file"])
    for name in job["names"]:
        try:
            yield {"name": name} | asked(getattr(made, name), name, job)
        except Exception as error:  # one that cannot be asked must not keep back the others
            yield {"name": name, "broken": f"{type(error).__name__}: {error}"[:500]}


def asked(function: Any, name: str, job: dict[str, Any]) -> Line:
    """A question, its answers as JSON."""
    rng = random.Random(f"{job['seed']} {name}")
    takes = len(inspect.signature(function).parameters)
    question = function(rng, job["own"]) if takes > 1 else function(rng)
    answers = {each: answer(value) for each, value in question.answers.items()}
    choices = {each: list(words) for each, words in question.choices.items()}
    for each, value in answers.items():
        if isinstance(value, str) and value not in choices.get(each, ()):
            raise ValueError(f"the answer {value!r} to {each} is none of its choices")
    return {
        "prompt": question.prompt,
        "answers": answers,
        "explain": question.explain,
        "choices": choices,
    }


def answer(value: Any) -> Any:
    """An answer as JSON: a tuple as a list."""
    if isinstance(value, (tuple, list)):
        return [answer(each) for each in value]
    if hasattr(value, "item"):  # a number of NumPy's
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} cannot be an answer")


if __name__ == "__main__":
    tell(work)
