import torch
from torch import nn

from neurarium.networks.q_network import QNetwork


def test_parameter_count_and_shape() -> None:
    network = QNetwork(observation_size=4, num_actions=2)
    assert sum(p.numel() for p in network.parameters()) == 5 * 120 + 121 * 84 + 85 * 2
    assert network(torch.randn(3, 4)).shape == (3, 2)


def test_values_are_the_relu_recursion() -> None:
    torch.manual_seed(0)
    network = QNetwork(observation_size=4, num_actions=3, hidden=(5,)).double()
    first, second = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    x = torch.randn(6, 4, dtype=torch.float64)
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(network(x), hidden @ second.weight.T + second.bias)


def test_without_hidden_layers_a_one_hot_state_reads_a_row_of_a_table() -> None:
    network = QNetwork(observation_size=5, num_actions=3, hidden=())
    layer = network.layers[0]
    assert isinstance(layer, nn.Linear)
    torch.testing.assert_close(network(torch.eye(5)), layer.weight.T + layer.bias)
