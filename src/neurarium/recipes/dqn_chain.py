"""DQN on a chain of states whose best values are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.tasks.q_learning import DQN
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class DQNChain(Recipe):
    """Deep Q-learning where the answer is known: Q* solves the Bellman optimality equations of the chain.

    neurarium train dqn-chain
    """

    name: ClassVar[str] = "dqn-chain"
    family: ClassVar[str] = "reinforcement"
    paper: ClassVar[str] = "Mnih et al. 2015, Human-level control through deep reinforcement learning"
    goal: ClassVar[Goal] = Goal("q_error", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("q_error", 0.02, at="most", paper="0: Q-learning converges to Q* (Watkins, Dayan 1992)"),
        Claim("best_action", 1.0),
    )
    tiny: ClassVar[dict[str, Any]] = {"steps": 20}

    length: int = 8
    """States of the chain; the reward of 1 waits at its right end."""
    slip: float = 0.1
    """Probability that a move goes the other way."""
    discount: float = 0.9
    """Gamma: a reward one step later is worth so much less."""
    steps: int = 4000
    """Gradient steps; the agent makes one move before each."""
    batch_size: int = 64
    """Transitions of a step, drawn from the replay memory."""
    memory: int = 5000
    """Transitions that the replay memory holds."""
    lr: float = 2e-3
    """Adam's learning rate; it falls to a hundredth along a cosine."""
    target_every: int = 100
    """Steps between two copies of the network to the target network."""

    def open_data(self) -> Data:
        from neurarium.data.chain import ChainWorld
        from neurarium.data.replay import Replay

        world = ChainWorld(length=self.length, slip=self.slip)
        return Replay(world, batch_size=self.batch_size, discount=self.discount, capacity=self.memory)

    def task(self, spec: Spec) -> DQN:
        from functools import partial

        from torch.optim import Adam

        from neurarium.networks.q_network import QNetwork
        from neurarium.tasks.q_learning import DQN
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import cosine

        num_actions = len(spec.fitted["actions"])
        return DQN(
            network=QNetwork(observation_size=spec.shape[0], num_actions=num_actions, hidden=(64,)),
            num_actions=num_actions,
            discount=self.discount,
            descent=Descent(optimizer=partial(Adam, lr=self.lr), schedule=cosine(self.steps, final=0.01)),
            target_every=self.target_every,
            exploration_steps=self.steps // 2,
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps
