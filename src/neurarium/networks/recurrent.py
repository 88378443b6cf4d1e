"""Recurrent networks that read a sequence and answer at its end."""

import torch
from torch import Tensor, nn


class SequenceClassifier(nn.Module):
    """Many-to-one recurrent network: embedding, recurrent layer, linear read-out of the last state.

    The cell is Elman's (`nn.RNN`; Elman 1990), the LSTM (`nn.LSTM`; Hochreiter, Schmidhuber 1997, with the forget gate
    of Gers, Schmidhuber, Cummins 2000) or the GRU (`nn.GRU`; Cho et al. 2014). An embedding of hidden_size numbers a
    token stands for the product of the input weights with a one-hot vector.

    The state is read at the last real step of each sequence. It depends on the past alone, so padding cannot change it;
    padded steps are computed and dropped, which needs no sorting, no packing and no copy of the lengths to the host. An
    empty sequence is read out from the initial state, zero.

    In tokens (B, T) int, each in [0, vocabulary_size), padding included, and lengths (B,) int, each in [0, T];
    out logits (B, num_classes).
    Parameters: V H + g (2 H^2 + 2 H) + (H + 1) C with g = 1, 4, 3 for RNN, LSTM, GRU.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        hidden_size: int,
        num_classes: int,
        cell: type[nn.RNN] | type[nn.LSTM] | type[nn.GRU] = nn.LSTM,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, hidden_size)
        self.recurrent = cell(hidden_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, num_classes)

    def states(self, tokens: Tensor) -> Tensor:
        """The hidden state after each step: (B, T) to (B, T, H)."""
        states, _ = self.recurrent(self.embedding(tokens))
        return states

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        states = self.states(tokens)  # (B, T, H)
        lengths = lengths.to(torch.int64)[:, None]  # (B, 1)
        last = (lengths - 1).clamp(min=0)[:, :, None].expand(-1, 1, states.shape[2])  # (B, 1, H)
        state = states.gather(1, last).squeeze(1)  # (B, H)
        return self.output(torch.where(lengths > 0, state, 0.0))
