import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from neurarium.networks.recurrent import SequenceClassifier

CELLS = [nn.RNN, nn.LSTM, nn.GRU]


def classifier(cell: type[nn.RNN] | type[nn.LSTM] | type[nn.GRU] = nn.LSTM, seed: int = 0) -> SequenceClassifier:
    torch.manual_seed(seed)
    return SequenceClassifier(vocabulary_size=7, hidden_size=5, num_classes=3, cell=cell)


@pytest.mark.parametrize(("cell", "gates"), [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_parameter_count(cell: type[nn.LSTM], gates: int) -> None:
    assert sum(p.numel() for p in classifier(cell).parameters()) == 7 * 5 + gates * (2 * 5 * 5 + 2 * 5) + (5 + 1) * 3


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    cell=st.sampled_from(CELLS),
    seed=st.integers(0, 2**31),
)
def test_content_of_the_padding_changes_no_bit(lengths: list[int], cell: type[nn.LSTM], seed: int) -> None:
    network = classifier(cell, seed)
    tokens = torch.randint(7, (len(lengths), 6))
    padded = torch.arange(6) >= torch.tensor(lengths)[:, None]
    other = torch.where(padded, torch.randint(7, tokens.shape), tokens)
    assert torch.equal(network(tokens, torch.tensor(lengths)), network(other, torch.tensor(lengths)))


@pytest.mark.parametrize("cell", CELLS)
def test_padding_changes_neither_value_nor_gradient(cell: type[nn.LSTM]) -> None:
    network = classifier(cell).double()
    tokens, lengths = torch.randint(7, (4, 6)), torch.tensor([6, 1, 3, 4], dtype=torch.int32)
    together = network(tokens, lengths)
    together_gradients = torch.autograd.grad(together.square().sum(), list(network.parameters()))
    alone = torch.cat([network(row[None, :n], n[None]) for row, n in zip(tokens, lengths, strict=True)])
    alone_gradients = torch.autograd.grad(alone.square().sum(), list(network.parameters()))
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together_gradients, alone_gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_it_equals_packing_in_value_and_gradient(cell: type[nn.LSTM]) -> None:
    network = classifier(cell).double()
    tokens, lengths = torch.randint(7, (4, 6)), torch.tensor([6, 1, 3, 4])
    packed = pack_padded_sequence(network.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
    _, state = network.recurrent(packed)
    last = state[0] if cell is nn.LSTM else state
    ours, theirs = network(tokens, lengths), network.output(last[-1])
    torch.testing.assert_close(ours, theirs)
    parameters, weights = list(network.parameters()), torch.randn_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad((ours * weights).sum(), parameters),
        torch.autograd.grad((theirs * weights).sum(), parameters),
    )


@pytest.mark.parametrize("cell", CELLS)
def test_states_ignore_the_future_and_know_the_past(cell: type[nn.LSTM]) -> None:
    network = classifier(cell)
    inputs = network.embedding(torch.randint(7, (2, 6))).detach().requires_grad_()
    network.embedding = nn.Identity()  # so that gradients can be taken with respect to what each step reads
    states = network.states(inputs)
    for t in range(6):
        (gradient,) = torch.autograd.grad(states[:, t].sum(), inputs, retain_graph=True)
        assert (gradient[:, t + 1 :] == 0).all()
        assert (gradient[:, : t + 1].abs().sum(-1) > 0).all()


def test_empty_sequence_is_read_from_the_initial_state() -> None:
    network = classifier()
    logits = network(torch.randint(7, (1, 6)), torch.tensor([0]))
    assert torch.equal(logits[0], network.output.bias)
