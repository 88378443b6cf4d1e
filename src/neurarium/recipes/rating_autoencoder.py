"""An autoencoder of ratings, for recommendations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.rating_autoencoder import RatingAutoencoder as Task
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class RatingAutoencoder(Recipe):
    """The ratings that are known in, all ratings out; only those that are known count in the loss.

    neurarium train rating-autoencoder                  # MovieLens, 100,836 ratings of films
    neurarium train rating-autoencoder --rows users
    neurarium train rating-autoencoder --data stars.csv # columns user, item, rating
    """

    name: ClassVar[str] = "rating-autoencoder"
    family: ClassVar[str] = "autoencoders"
    paper: ClassVar[str] = "Sedhain, Menon, Sanner, Xie 2015, AutoRec: autoencoders meet collaborative filtering"
    goal: ClassVar[Goal] = Goal("rmse", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("rmse", 0.85, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"data": "tastes", "epochs": 10.0, "batch_size": 16, "code_size": 16}

    data: str = "movielens"
    """movielens, tastes, or a table with the columns user, item and rating."""
    rows: Literal["items", "users"] = "items"
    """What one row tells of: an item as all users rate it, or a user."""
    code_size: int = 256
    """Numbers of the code, which sigmoids give."""
    hide: float = 0.4
    """Share of the given ratings that is hidden from the encoder in each training step; 0 is the paper's."""
    epochs: float = 0.0
    """Passes over the rows; 0: 20, or as many as give 1,500 steps where there are few rows."""
    batch_size: int = 64
    """Rows of a step."""
    lr: float = 1e-3
    """Peak learning rate of AdamW's one-cycle schedule."""
    weight_decay: float = 1.0
    """AdamW's decoupled weight decay, for the paper's penalty on the weights."""

    def open_data(self) -> Data:
        from neurarium.data.ratings import open_ratings

        return open_ratings(self.data, batch_size=self.batch_size, rows=self.rows)

    def task(self, spec: Spec) -> Task:
        from functools import partial

        from torch import nn
        from torch.optim import AdamW

        from neurarium.networks.autoencoder import DenseAutoencoder
        from neurarium.tasks.rating_autoencoder import RatingAutoencoder as Task
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        try:
            network = DenseAutoencoder(
                shape=spec.shape, hidden=(), code_size=self.code_size, code_activation=nn.Sigmoid
            )
            return Task(
                encoder=network.encoder,
                decoder=network.decoder,
                rows=self.rows,
                hide=self.hide,
                descent=Descent(
                    optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
                    schedule=one_cycle(self.num_steps(spec)),
                ),
                **{name: spec.fitted[name] for name in ("mean", "std", "low", "high")},
            )
        except ValueError as error:
            raise UserError(str(error)) from None

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(1500, spec.steps(20, self.batch_size))
