"""The equations of the recurrent cells in numpy, as judge of the sequence classifier."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn

from neurarium.networks.recurrent import SequenceClassifier

H = 4


def last_state(kind: str, inputs: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
    """h_T for inputs (T, H), step by step."""
    w, u = state["recurrent.weight_ih_l0"], state["recurrent.weight_hh_l0"]
    b, c = state["recurrent.bias_ih_l0"], state["recurrent.bias_hh_l0"]
    h = np.zeros(H)
    memory = np.zeros(H)
    for x in inputs:
        from_input, from_state = w @ x + b, u @ h + c
        if kind == "RNN":
            h = np.tanh(from_input + from_state)
        elif kind == "LSTM":
            i, f, g, o = np.split(from_input + from_state, 4)
            memory = expit(f) * memory + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(memory)
        else:
            (ri, zi, ni), (rh, zh, nh) = np.split(from_input, 3), np.split(from_state, 3)
            update = expit(zi + zh)
            h = (1 - update) * np.tanh(ni + expit(ri + rh) * nh) + update * h
    return h


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_classifier_equals_the_equations_at_the_last_real_step(cell: type[nn.LSTM]) -> None:
    torch.manual_seed(0)
    network = SequenceClassifier(vocabulary_size=6, hidden_size=H, num_classes=3, cell=cell).double()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    tokens, lengths = torch.randint(6, (5, 7)), torch.tensor([7, 1, 0, 4, 6])
    with torch.no_grad():
        logits = network(tokens, lengths).numpy()
    for row, length, ours in zip(tokens.numpy(), lengths.tolist(), logits, strict=True):
        h = last_state(cell.__name__, state["embedding.weight"][row[:length]], state)
        np.testing.assert_allclose(ours, state["output.weight"] @ h + state["output.bias"], rtol=1e-10)
