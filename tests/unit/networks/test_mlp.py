import pytest
import torch
from torch import nn

from neurarium.networks.mlp import MLP


def test_parameters_are_the_sum_over_layers() -> None:
    network = MLP(in_features=784, hidden=(300, 100), out_features=10)
    assert sum(p.numel() for p in network.parameters()) == 785 * 300 + 301 * 100 + 101 * 10


def test_forward_is_the_papers_recursion() -> None:
    torch.manual_seed(0)
    network = MLP(in_features=6, hidden=(5, 4), out_features=3, activation=nn.Sigmoid).double()
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    first, second, third = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    h = 1 / (1 + torch.exp(-(x.reshape(7, 6) @ first.weight.T + first.bias)))
    h = 1 / (1 + torch.exp(-(h @ second.weight.T + second.bias)))
    torch.testing.assert_close(network(x), h @ third.weight.T + third.bias)


def test_without_hidden_layers_it_is_linear() -> None:
    network = MLP(in_features=3, hidden=(), out_features=2)
    x, y = torch.randn(2, 4, 3).unbind()
    torch.testing.assert_close(network(x) + network(y), network(x + y) + network(torch.zeros(4, 3)))


def test_dropout_follows_each_hidden_layer_and_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    network = MLP(in_features=4, hidden=(1000, 1000), out_features=2, dropout=0.25)
    assert [layer.p for layer in network.layers if isinstance(layer, nn.Dropout)] == [0.25, 0.25]
    x = torch.randn(1, 4)
    assert not torch.equal(network(x), network(x))
    plain = MLP(in_features=4, hidden=(1000, 1000), out_features=2)
    plain.load_state_dict({key.replace("3.", "2.").replace("6.", "4."): v for key, v in network.state_dict().items()})
    assert torch.equal(network.eval()(x), plain(x))


def test_widths_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"received \[3, 0, 1\]"):
        MLP(in_features=3, hidden=(0,), out_features=1)
