"""The milestone of 1986, run."""

import time

from tinytorch_course.milestones import digits


def test_digits_are_read_from_two_seeds(tmp_path):
    for seed in (0, 1):
        start = time.perf_counter()
        result = digits.train(tmp_path, lambda line: None, seed)
        print(seed, result["figure"], time.perf_counter() - start)
        assert result["figure"] >= digits.TARGET
        assert (tmp_path / result["model"]).exists()
