"""Two processes are one: the same losses to rounding, the same evaluation, one writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neurarium import api
from neurarium.runs.run import Run
from neurarium.train.data import Shard

OPTIONS: dict[str, Any] = {
    "epochs": 3.0, "dropout": 0.0, "batch_size": 129, "precision": "float32", "compile": "off", "log_every": 1,
    "evaluations": 3, "threads": 1,
}  # fmt: skip
"""Batch 129 is shared as 65 and 64, so averages of averages would be wrong."""
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ONE_RANK = str(Path(__file__).with_name("one_rank.py"))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> api.Trained:
    return api.train("mlp", runs=str(tmp_path_factory.mktemp("one")), **OPTIONS)


def test_two_ranks_give_the_losses_of_one(one: api.Trained, tmp_path: Path) -> None:
    words = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [sys.executable, *TWO, ONE_RANK, "train", "mlp", *words, "--runs", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[:3000] + done.stderr[-2000:]
    assert len(Run.all(tmp_path)) == 1, "rank 0 alone writes"
    two = Run.open("last", tmp_path)
    assert (one.run.header["world"], two.header["world"]) == (1, 2)
    pairs = list(zip(one.run.rows("train"), two.rows("train"), strict=True))
    assert len(pairs) == two.header["steps"]
    for ours, theirs in pairs:
        assert theirs["loss"] == pytest.approx(ours["loss"], rel=2e-5)
    for split in ("validation", "test"):
        for ours, theirs in zip(one.run.rows(split), two.rows(split), strict=True):
            assert ours["items"] == theirs["items"]
            assert theirs["loss"] == pytest.approx(ours["loss"], rel=1e-4)


def test_ranks_evaluate_equal_weights_alike(one: api.Trained) -> None:
    """The weights of one run, measured whole and in two shares, whose totals and counts are then added."""
    task, data = one.load(), one.recipe.open_data()
    whole = task.evaluate(data.split("test", shard=Shard()))
    shares = [task.evaluate(data.split("test", shard=Shard(rank, 2))) for rank in (0, 1)]
    assert sum(share["items"] for share in shares) == whole["items"]
    for name in ("loss", "accuracy"):
        mean = sum(share[name] * share["items"] for share in shares) / whole["items"]
        assert mean == pytest.approx(whole[name], abs=1e-6)
