"""Training in real processes that are killed at random steps: the end is the same, bit for bit."""

import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import tinytorch as tt
from tinytorch.callbacks import read_lines

PROGRAM = textwrap.dedent("""
    import sys
    from pathlib import Path

    import tinytorch as tt
    from tinytorch import nn, optim
    from tinytorch.callbacks import early_stop, log_lines, save_every
    from tinytorch.checkpoint import load_checkpoint, save
    from tinytorch.training import Progress, accuracy, fit
    from tinytorch.utils.data import DataLoader, Dataset

    folder, workers, accumulate, every = Path(sys.argv[1]), *map(int, sys.argv[2:])


    class Noisy(Dataset):
        def __init__(self, seed):
            g = tt.Generator().manual_seed(seed)
            self.x = tt.randn(50, 6, generator=g)
            self.y = (self.x[:, :3].sum(1) > 0).long()

        def __getitem__(self, i):
            return self.x[i] + 0.1 * tt.randn(6), self.y[i]

        def __len__(self):
            return 50


    tt.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 2))
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    loader = DataLoader(Noisy(2), 6, shuffle=True, num_workers=workers)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    at, checkpoint = Progress(), folder / "run.safetensors"
    if checkpoint.exists():
        load_checkpoint(checkpoint, progress=at, **parts)
    log, keep = log_lines(folder / "log.jsonl"), save_every(checkpoint, every, **parts)
    say = lambda at: print(at.step, flush=True)
    fit(model, loader, optimizer, epochs=8, schedule=schedule, accumulate=accumulate, clip=1.0,
        metrics={"accuracy": accuracy}, validate=DataLoader(Noisy(3), 20),
        after_step=[log, keep, say], after_epoch=[early_stop("validation_loss", 6), log, keep], progress=at)
    save(model.state_dict(), folder / "end.safetensors")
""")


def started(folder, options):
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(PROGRAM)
    command = [sys.executable, folder / "train.py", folder, *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(folder):
    weights = tt.load(folder / "end.safetensors")
    return {name: w.numpy().tobytes() for name, w in weights.items()}, read_lines(folder / "log.jsonl")


@pytest.mark.parametrize(
    "options", [(0, 1, 1), (2, 2, 3)], ids=["every step saved", "workers, groups, every third"]
)
def test_a_run_that_is_killed_at_random_steps_ends_with_the_same_bits(tmp_path, options):
    straight = started(tmp_path / "straight", options)
    assert straight.communicate(timeout=60)[1] == ""
    chance, folder, killed = random.Random(options[0]), tmp_path / "killed", 0
    while True:
        process = started(folder, options)
        left = chance.randint(1, 8) if killed < 4 else None
        for _ in process.stdout:
            left = None if left is None else left - 1
            if left == 0:
                time.sleep(chance.random() * 0.01)  # in the middle of whatever it does
                process.send_signal(signal.SIGKILL)
        errors = process.communicate(timeout=60)[1]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
        killed += 1
    assert killed == 4
    assert ended(folder) == ended(tmp_path / "straight")
