from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from neurarium.networks.lenet import LeNet5, LeNet5_1998
from neurarium.networks.recurrent import SequenceClassifier
from neurarium.nn.summary import LayerRow, summarise


def by_name(network: nn.Module, *inputs: Tensor) -> dict[str, LayerRow]:
    return {row.name: row for row in summarise(network, *inputs)}


def test_lenet_has_the_multiply_adds_of_a_hand_count() -> None:
    rows = by_name(LeNet5(), torch.zeros(3, 1, 32, 32))
    hand = {
        "c1": 28 * 28 * 6 * 25,
        "s2": 0,
        "c3": 10 * 10 * 16 * 6 * 25,
        "s4": 0,
        "c5": 120 * 16 * 25,
        "f6": 84 * 120,
        "output": 10 * 84,
        "activation": 0,
        "total": 416_520,
    }
    assert {name: row.multiply_adds for name, row in rows.items()} == hand
    assert rows["c1"].output_shape == (3, 6, 28, 28)
    assert rows["total"] == LayerRow(
        name="total", type="LeNet5", output_shape=(3, 10), parameters=61_706, multiply_adds=416_520
    )


def test_lenet_of_1998_has_the_connections_of_the_paper() -> None:
    rows = by_name(LeNet5_1998(), torch.zeros(1, 1, 32, 32))

    def connections(name: str) -> int:
        """The paper counts the bias of each unit as a connection; radial basis units have none."""
        work = rows[name].multiply_adds
        assert work is not None
        return work + (0 if name == "output" else torch.Size(rows[name].output_shape).numel())

    counted = {name: connections(name) for name in ("c1", "s2", "c3", "s4", "c5", "f6", "output")}
    assert counted == {
        "c1": 122_304,
        "s2": 5_880,
        "c3": 151_600,
        "s4": 2_000,
        "c5": 48_120,
        "f6": 10_164,
        "output": 840,
    }
    assert sum(counted.values()) == 340_908  # section II.B
    assert [rows[name].parameters for name in counted] == [156, 12, 1_516, 32, 48_120, 10_164, 0]
    assert rows["total"].parameters == 60_000


@pytest.mark.parametrize(
    ("layer", "shape", "hand"),
    [
        (nn.Linear(3, 4), (2, 5, 3), 5 * 3 * 4),
        (nn.Conv1d(4, 6, 3, groups=2), (2, 4, 10), 8 * 6 * 2 * 3),
        (nn.Conv2d(3, 5, (2, 3), stride=2, padding=1), (2, 3, 8, 8), 5 * 4 * 5 * 3 * 2 * 3),
        (nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), (2, 3, 8, 8), 8 * 8 * 3 * 5 * 16),
        (nn.ConvTranspose1d(4, 6, 3, groups=2), (2, 4, 10), 10 * 4 * 3 * 3),
        (nn.RNN(3, 4, batch_first=True), (2, 7, 3), 7 * 4 * (3 + 4)),
        (nn.GRU(3, 4, batch_first=True), (2, 7, 3), 7 * 3 * 4 * (3 + 4)),
        (
            nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True),
            (2, 7, 3),
            7 * 2 * 16 * ((3 + 4) + (8 + 4)),
        ),
        (nn.LSTM(3, 4, proj_size=2, batch_first=True), (2, 7, 3), 7 * (16 * (3 + 2) + 4 * 2)),
        (nn.LSTMCell(3, 4), (2, 3), 16 * (3 + 4)),
        (nn.BatchNorm1d(3), (2, 3), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_multiply_adds_of_one_layer(layer: nn.Module, shape: tuple[int, ...], hand: int) -> None:
    rows = summarise(layer.to("meta"), torch.zeros(shape, device="meta"))
    assert len(rows) == 2
    assert rows[0].multiply_adds == hand
    assert rows[0].parameters == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (LeNet5, (torch.zeros(2, 1, 32, 32),)),
        (LeNet5_1998, (torch.zeros(2, 1, 32, 32),)),
        (
            lambda: SequenceClassifier(vocabulary_size=5, hidden_size=4, num_classes=2),
            (torch.zeros(2, 6, dtype=torch.int64), torch.ones(2, dtype=torch.int64)),
        ),
    ],
    ids=["lenet", "lenet-1998", "sequence"],
)
def test_meta_device_gives_the_same_table(network: Callable[[], nn.Module], inputs: tuple[Tensor, ...]) -> None:
    real = summarise(network(), *inputs)
    assert summarise(network().to("meta"), *(value.to("meta") for value in inputs)) == real


class Twice(nn.Module):
    """One layer called twice, one whose weight is tied to it, one never called."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(3, 3)
        self.tied = nn.Linear(3, 3, bias=False)
        self.tied.weight = self.shared.weight
        self.idle = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.tied(self.shared(self.shared(x)))


def test_shared_weights_count_once_as_parameters_and_each_time_as_work() -> None:
    rows = by_name(Twice(), torch.zeros(4, 3))
    assert (rows["shared"].parameters, rows["shared"].multiply_adds) == (12, 18)
    assert (rows["tied"].parameters, rows["tied"].multiply_adds) == (0, 9)
    assert (rows["idle"].parameters, rows["idle"].multiply_adds, rows["idle"].output_shape) == (16, 0, ())
    assert rows["total"].parameters == sum(p.numel() for p in Twice().parameters())
    assert rows["total"].multiply_adds == 27


class Scale(nn.Module):
    """A block with a weight of its own around a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.factor = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.factor


class CountedScale(Scale):
    def multiply_adds(self, output: Tensor) -> int:
        return output.numel()


def test_unknown_blocks_say_so_until_they_count_themselves() -> None:
    unknown = by_name(Scale(), torch.zeros(2, 3))
    assert (unknown[""].parameters, unknown[""].multiply_adds) == (3, None)
    assert (unknown["total"].parameters, unknown["total"].multiply_adds) == (15, None)
    assert by_name(CountedScale(), torch.zeros(2, 3))["total"].multiply_adds == 9 + 3


def test_summary_leaves_no_trace() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    summarise(network, torch.randn(4, 3, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.rand(1), expected)
    assert [module.training for module in network] == [True, False, True]
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_modes_and_hooks_are_put_back_when_the_network_fails() -> None:
    network = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(RuntimeError):
        summarise(network, torch.zeros(1, 4))
    assert network.training
    assert not network[0]._forward_hooks


@pytest.mark.parametrize("inputs", [(), (3,), (torch.zeros(()),), (torch.zeros(0, 3),)])
def test_inputs_without_a_batch_are_refused(inputs: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="batch of at least one item"):
        summarise(nn.Linear(3, 3), *inputs)
