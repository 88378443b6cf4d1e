"""Means remember their counts, and rows are their exact means."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurarium.train.data import Shard, Spec
from neurarium.train.log import Log
from neurarium.train.mean import Mean
from neurarium.train.recipe import Goal, UserError, near
from neurarium.train.settings import Settings


@given(st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=9), min_size=1, max_size=9))
def test_a_row_is_the_mean_over_all_items(parts: list[list[float]]) -> None:
    log = Log()
    for part in parts:
        log.add({"loss": Mean.of(torch.tensor(part))})
    everything = torch.tensor([value for part in parts for value in part]).double()
    assert log.row()["loss"] == pytest.approx(everything.mean().item(), abs=1e-3)
    assert log.row() == {}


def test_an_interrupted_row_is_the_same_to_the_bit() -> None:
    torch.manual_seed(0)
    means = [Mean.of(torch.randn(7 + i)) for i in range(30)]
    whole, cut = Log(), Log()
    for mean in means:
        whole.add({"loss": mean})
    for mean in means[:11]:
        cut.add({"loss": mean})
    resumed = Log()
    resumed.restore(cut.state())
    for mean in means[11:]:
        resumed.add({"loss": mean})
    assert resumed.row() == whole.row()


def test_adding_means_demands_equal_counts() -> None:
    one, two = Mean(torch.tensor(6.0), 3), Mean(torch.tensor(3.0), 3)
    assert float((one + two).value) == 3
    assert float((2.0 * one).value) == 4
    with pytest.raises(ValueError, match="received 3 and 4"):
        one + Mean(torch.tensor(1.0), 4)
    assert torch.isnan((Mean(torch.tensor(1.0), torch.tensor(3.0)) + Mean(torch.tensor(1.0), torch.tensor(4.0))).total)
    assert float((Mean(torch.tensor(1.0), torch.tensor(2.0)) + Mean(torch.tensor(1.0), torch.tensor(2.0))).value) == 1
    weighted = Mean.of(torch.tensor([1.0, 5.0, 9.0]), torch.tensor([1.0, 1.0, 0.0]))
    assert float(weighted.value) == 3


@given(st.integers(1, 50), st.integers(1, 7))
def test_shards_cover_every_item_once(items: int, world: int) -> None:
    parts = [Shard(rank, world).of(torch.arange(items)).tolist() for rank in range(world)]
    assert sorted(item for part in parts for item in part) == list(range(items))


def test_spec_through_json() -> None:
    import json

    spec = Spec(shape=(1, 8, 8), sizes={"train": 5}, classes=("a", "b"), fitted={"mean": [0.25], "kind": "images"})
    assert Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.steps(epochs=2, batch_size=5) == 2


def test_goals_and_settings() -> None:
    up, down = Goal("accuracy", target=0.9), Goal("loss", best="min", target=0.1)
    assert up.improves(0.5, None)
    assert not up.improves(float("nan"), None)
    assert not up.improves(0.5, 0.5)
    assert down.improves(0.1, 0.2)
    assert up.reached(0.9)
    assert not up.reached(0.89)
    assert down.reached(0.05)
    for flag in ("seed", "threads", "patience", "log_every"):
        with pytest.raises(UserError, match=f"--{flag.replace('_', '-')}"):
            Settings(**{flag: -1})
    assert near("lenet", ["lenet5", "mlp"]) == " Did you mean 'lenet5'?"
    assert near("zzz", ["b", "a"]) == " Known: a, b."
