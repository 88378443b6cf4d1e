"""Good with little data when what was learned before fits the problem; docs/results/transfer.md has the whole table."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium import api
from tests.recipes import transfer


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("convnet-transfer-learning")
def test_frozen_features_under_a_new_head_beat_a_start_from_scratch(data_home: Path, tmp_path: Path) -> None:
    """Five labels of each of five digits, 200 steps each. Measured: 0.77, 0.69 and 0.83, 0.78."""
    (name,) = transfer.ARMS[1:2]
    start = transfer.sources(str(tmp_path), [name])[name]
    scratch = [transfer.accuracy(5, seed, str(tmp_path)) for seed in range(2)]
    frozen = [transfer.accuracy(5, seed, str(tmp_path), start) for seed in range(2)]
    assert all(after > before for before, after in zip(scratch, frozen, strict=True))
    assert statistics.fmean(frozen) > statistics.fmean(scratch) + 0.03
    last: Any = api.open_run("some-classes-005", runs=str(tmp_path)).load()
    first: Any = start.load()
    theirs = first.state_dict()
    for key, value in last.state_dict().items():
        if key.startswith("network.features"):
            assert torch.equal(value, theirs[key])
        elif key.startswith("network.classifier"):
            assert not torch.equal(value, theirs[key])
    assert first.classes == tuple("01234")
    assert last.classes == tuple("56789")


@pytest.mark.catalogue("convnet-transfer-learning")
def test_the_written_table_says_so_too() -> None:
    """The gain is largest where labels are fewest; features of clothes, which fit less, gain less."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \| ([\d.]+) \| (.+?) \|$", transfer.RESULTS.read_text("utf-8"), re.M)
    means: dict[int, dict[str, float]] = {}
    for each, arm, mean, values in rows:
        seeds = [float(value) for value in values.split(", ")]
        assert len(seeds) == 3
        assert float(mean) == pytest.approx(statistics.fmean(seeds), abs=1e-3)
        means.setdefault(int(each), {})[arm] = float(mean)
    assert list(means) == [2, 5, 10, 20]
    for row in means.values():
        scratch, digits, clothes = (row[arm] for arm in transfer.ARMS)
        assert digits > max(scratch, clothes)
    gains = [row[transfer.ARMS[1]] - row[transfer.ARMS[0]] for row in means.values()]
    assert gains[0] > gains[-1]
