"""Networks from a state to the values of all actions."""

from collections.abc import Sequence

from torch import Tensor, nn

from neurarium.nn.dense import dense_layers


class QNetwork(nn.Module):
    """Q(s, a) for every action a at once, from a state given as a vector.

    New in Mnih et al. 2013, section 4.1 (and 2015): the state is the only input and each action has an output, so that
    one pass gives the values of all actions. Here dense layers replace the paper's convolutions, since states are short
    vectors (CartPole) or one-hot codes of cells (grid worlds), not screens. No output activation: values have no bound.

    In (B, observation_size) float, out (B, num_actions). Parameters: sum over layers of (n_in + 1) n_out.
    """

    def __init__(self, *, observation_size: int, num_actions: int, hidden: Sequence[int] = (120, 84)) -> None:
        super().__init__()
        self.layers = dense_layers((observation_size, *hidden, num_actions))

    def forward(self, observation: Tensor) -> Tensor:
        return self.layers(observation)
