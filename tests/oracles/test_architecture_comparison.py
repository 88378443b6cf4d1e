"""The table of networks under one protocol: its sizes against the networks, its figures against each other."""

import re
from statistics import fmean

import pytest
import torch

from benchmarks.architectures import DOCS, NETWORKS
from neurarium.explain import imagenet
from neurarium.recipes.find import fill, find
from neurarium.train.batches import Labelled
from neurarium.train.data import Spec
from neurarium.uses import description

ROW = re.compile(r"\| ([\w-]+) \| ([\d,]+) \| ([\d.]+) M \| ([\d.]+) \| \d+ s \| ([\d.]+) \((.*)\) \|")

SPEC = Spec(
    shape=(3, 32, 32),
    sizes={"train": 10_000},
    classes=tuple("0123456789"),
    fitted={"kind": "images", "mean": [0.5] * 3, "std": [0.25] * 3},
)
BATCH = Labelled(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))


@pytest.mark.catalogue("architecture-comparison")
def test_the_table_has_the_sizes_of_the_networks_and_a_point_for_each() -> None:
    text = (DOCS / "results" / "architectures.md").read_text(encoding="utf-8")
    rows = {found[1]: found.groups()[1:] for found in map(ROW.match, text.splitlines()) if found}
    assert list(rows) == list(NETWORKS)
    for name, (parameters, multiply_adds, epochs, accuracy, seeds) in rows.items():
        task = fill(find(name), {"data": "cifar10", **NETWORKS[name]}).task(SPEC)
        total = description.layers(*task.networks(BATCH)["network"])[-1]
        assert parameters == f"{total['parameters']:,}"
        assert multiply_adds == f"{total['multiply_adds'] / 1e6:.1f}"
        assert float(epochs) == NETWORKS[name]["epochs"]
        assert float(accuracy) == pytest.approx(fmean(map(float, seeds.split(", "))), abs=6e-5)
    assert (DOCS / "images" / "architectures.png").stat().st_size > 10_000


@pytest.mark.catalogue("architecture-comparison")
def test_published_errors_on_the_challenge() -> None:
    assert [entry.error for entry in imagenet.ENTRIES] == [26.2, 15.3, 7.3, 6.7, 5.3, 4.5]
    assert imagenet.HUMAN == 5.1
    assert imagenet.Options().images == 100_000
