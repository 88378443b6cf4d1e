"""A chain of states with a reward at its far end: the smallest world whose best values are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurarium.train.recipe import UserError

LEFT, RIGHT = 0, 1


class ChainStates(NamedTuple):
    """state: (B, S) float32 unit vectors. q: (B, 2) float32, the best values Q*(s, a) of going left and right."""

    state: Tensor
    q: Tensor


@dataclass(frozen=True, slots=True)
class ChainWorld:
    """States 0..N-1 in a row; an episode begins in state 0 and ends in state N-1, which is left by no action.

    Action 0 goes left (and stays in state 0), action 1 goes right; with probability `slip` the other one happens.
    Reaching state N-1 gives reward 1, all else 0. After `time_limit` steps an episode is cut off: that is no end of
    the world, so the value of the state reached still counts.

    The world holds no randomness: a step is a function of (state, action, u) with u uniform in [0, 1).
    """

    length: int = 8
    slip: float = 0.0
    time_limit: int = 100

    def __post_init__(self) -> None:
        if self.length < 2 or not 0 <= self.slip < 1 or self.time_limit < 1:
            raise UserError(
                "A chain needs at least two states, a slip probability in [0, 1) and a time limit of at least one step;"
                f" received length={self.length}, slip={self.slip}, time_limit={self.time_limit}."
            )

    actions = ("left", "right")
    start = 0

    def step(self, state: int, action: int, u: float) -> tuple[int, float, bool]:
        """(next state, reward, done)."""
        right = (action == RIGHT) != (u < self.slip)
        following = state + 1 if right else max(state - 1, 0)
        done = following == self.length - 1
        return following, float(done), done

    def observe(self, state: int) -> Tensor:
        """(S,) float32: the unit vector of the state."""
        return torch.nn.functional.one_hot(torch.tensor(state), self.length).float()

    def transitions(self) -> tuple[np.ndarray, np.ndarray]:
        """P (N, 2, N): probability of the next state. R (N, 2): expected reward. The last state leads nowhere."""
        P = np.zeros((self.length, 2, self.length))
        R = np.zeros((self.length, 2))
        for state in range(self.length - 1):
            for action in (LEFT, RIGHT):
                for u, probability in ((0.0, self.slip), (1.0, 1 - self.slip)):
                    following, reward, _ = self.step(state, action, u)
                    P[state, action, following] += probability
                    R[state, action] += probability * reward
        return P, R

    def optimal_q(self, discount: float) -> np.ndarray:
        """(N, 2) float64: Q* under the discount gamma, 0 in the last state. It solves Bellman's optimality equations:

            Q*(s, a) = R(s, a) + gamma sum_s' P(s' | s, a) max_a' Q*(s', a')

        By policy iteration, in which the linear equations of each greedy policy are solved exactly.
        """
        if not 0 <= discount < 1:
            raise UserError(f"The discount must lie in [0, 1); received {discount}. Choose for example 0.99.")
        P, R = self.transitions()
        states = np.arange(self.length)
        policy = np.full(self.length, RIGHT)
        while True:
            value = np.linalg.solve(np.eye(self.length) - discount * P[states, policy], R[states, policy])
            q = R + discount * P @ value
            better = q.max(1) > q[states, policy] + 1e-12
            if not better.any():
                return q
            policy = np.where(better, q.argmax(1), policy)

    def known(self, discount: float) -> ChainStates:
        """All states in which an action is taken (all but the last), with their best values."""
        q = torch.from_numpy(self.optimal_q(discount)[:-1]).float()
        return ChainStates(torch.eye(self.length)[:-1], q)
