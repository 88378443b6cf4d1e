"""Which action pays most in the long run?"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from neurarium.losses.value import huber_td_error, q_learning_target
from neurarium.plots.values import q_bars
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper, Task, mean_over


class DQN(Task):
    """Deep Q-learning with a target network, Mnih et al. 2015, algorithm 1.

    network: observations (B, S) -> action values (B, A). A copy of it, the target network, is refreshed every
    `target_every` steps. Exploration: a random action with probability epsilon, which falls linearly from 1 to
    `final_epsilon` over the first `exploration_steps` actions; the clock is a buffer, so that resume goes on with it.
    """

    def __init__(
        self,
        *,
        network: nn.Module,
        num_actions: int,
        discount: float,
        descent: Descent,
        target_every: int = 100,
        exploration_steps: int = 1000,
        final_epsilon: float = 0.1,
    ) -> None:
        super().__init__()
        self.network = network
        self.target = copy.deepcopy(network).requires_grad_(False)
        self.num_actions = num_actions
        self.discount = discount
        self.descent = descent
        self.target_every = target_every
        self.exploration_steps = exploration_steps
        self.final_epsilon = final_epsilon
        self.register_buffer("actions_taken", torch.zeros((), dtype=torch.int64))
        self.actions_taken: Tensor

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {"network": make(self.network, self.descent)}

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        stepper = steppers["network"]
        losses = stepper.update(self.loss, next(batches))
        if stepper.count % self.target_every == 0:
            self.refresh_target()
        return losses

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """Huber loss of Q(s, a) against r + gamma max_a' Q_target(s', a'), and the mean value of the actions taken."""
        state, action, reward, next_state, done = batch
        with torch.no_grad():
            target = q_learning_target(reward, done, self.target(next_state).float(), discount=self.discount)
        values = self.network(state).float()
        taken = values.detach().gather(1, action[:, None].long())
        return {"loss": Mean.of(huber_td_error(values, action, target)), "value": Mean.of(taken)}

    @torch.no_grad()
    def refresh_target(self) -> None:
        for old, new in zip(self.target.parameters(), self.network.parameters(), strict=True):
            old.copy_(new)

    @torch.no_grad()
    def act(self, observations: Tensor) -> Tensor:
        """Actions (B,) int64 for observations (B, S): epsilon-greedy while training, greedy after `eval()`."""
        greedy = self.network(observations).argmax(1)
        if not self.training:
            return greedy
        share = (self.actions_taken.float() / self.exploration_steps).clamp(max=1.0)
        epsilon = 1.0 + (self.final_epsilon - 1.0) * share
        self.actions_taken += len(observations)
        explore = torch.rand(len(observations), device=observations.device) < epsilon
        random = torch.randint(self.num_actions, (len(observations),), device=observations.device)
        return torch.where(explore, random, greedy)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Against the known optimum: mean |Q - Q*|, and the share of states in which a best action is chosen."""

        def against_optimum(batch: Batch) -> dict[str, Mean]:
            state, optimum = batch
            values = self.network(state).float()
            chosen = optimum.gather(1, values.argmax(1, keepdim=True)).squeeze(1)
            best = torch.isclose(chosen, optimum.amax(1))
            return {"q_error": Mean.of((values - optimum).abs().mean(1)), "best_action": Mean.of(best)}

        return mean_over(batches, against_optimum)

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        return {"network": (self.network, (batch[0],))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return self.networks(batch)["network"]

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        state, optimum = next(iter(batches))
        return {"values": q_bars(self.network(state).cpu().numpy(), optimum.cpu().numpy())}
