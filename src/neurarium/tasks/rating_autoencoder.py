"""Which ratings are missing?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.plots.points import true_against_predicted
from neurarium.tasks.classification import to_tensor
from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.task import Figures, LossTask

SHOWN = 2000


class RatingAutoencoder(LossTask):
    """Learns whole rows of ratings from the few that are given: Sedhain, Menon, Sanner, Xie 2015, AutoRec, equation 2.

        min sum over rows r of || r - g(f(r)) ||_O^2,    where only ratings O that were observed count

    The paper's penalty on the weights is the descent's weight decay. What the encoder reads is standardised, and 0
    where nothing is given.

    encoder, decoder: rows (B, M) to codes and back. mean, std, low, high: of the training ratings.
    rows: what a row tells of, "users" or "items"; columns are the others.
    hide: share of the given ratings that the encoder is not shown in a training step, drawn anew, while they stay in
        the target: copying is not enough then (Vincent et al. 2008). 0 is the paper's.
    Batches are NamedTuples of x (B, M) ratings, 0 where none is given; mask (B, M) bool, where they are; target and
    target_mask, those that are to be told.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        decoder: nn.Module,
        mean: float,
        std: float,
        low: float,
        high: float,
        descent: Descent,
        rows: str = "users",
        hide: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= hide < 1:
            raise ValueError(f"RatingAutoencoder expects to hide a share in [0, 1), received {hide}.")
        self.encoder = encoder
        self.decoder = decoder
        self.mean, self.std = mean, std or 1.0
        self.low, self.high = low, high
        self.descent = descent
        self.rows = rows
        self.hide = hide

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: mean squared error of the ratings that are to be told, in stars."""
        x, mask, target, asked = batch
        if self.hide and self.training:
            mask = mask & (torch.rand(x.shape, device=x.device) >= self.hide)
        off = torch.where(asked, self._stars(x, mask) - target, 0.0)
        return {"loss": Mean(off.square().sum(), asked.sum().clamp(min=1))}

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """rmse: root of the mean squared error, in stars, of told ratings cut to the scale. user_mean_rmse and
        item_mean_rmse: the same for the mean of what is given of the user, or of the item, among the rows of the split;
        the mean of all training ratings where nothing is."""
        errors, squares, items = torch.zeros(3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64), 0
        sums: Tensor | None = None
        columns, values = [], []
        for x, mask, target, asked in batches:
            told = self._stars(x, mask)
            known = mask.sum(1, keepdim=True)
            of_row = torch.where(known > 0, x.sum(1, keepdim=True) / known.clamp(min=1), self.mean)
            for place, guess in enumerate((told.clamp(self.low, self.high), of_row.expand_as(target))):
                errors[place] += (guess - target)[asked].double().square().sum().cpu()
            squares += (told - target)[asked].double().square().sum().cpu()
            columns.append(asked.nonzero()[:, 1].cpu())
            values.append(target[asked].double().cpu())
            given = torch.stack((x.double().sum(0), mask.double().sum(0))).cpu()
            sums = given if sums is None else sums + given
            items += len(x)
        if sums is None:
            raise ValueError("A split without items cannot be evaluated.")
        total, known = self._over_ranks(sums)
        of_column = torch.where(known > 0, total / known.clamp(min=1), self.mean)
        value = torch.cat(values)
        errors[2] = (of_column[torch.cat(columns)] - value).square().sum()
        numbers = self._over_ranks(torch.cat((errors, squares, torch.tensor((len(value), items)).double())))
        ours, row, column, plain, count, number = numbers.tolist()
        names = ("user", "item") if self.rows == "users" else ("item", "user")
        return {
            "loss": plain / count,
            "rmse": (ours / count) ** 0.5,
            f"{names[0]}_mean_rmse": (row / count) ** 0.5,
            f"{names[1]}_mean_rmse": (column / count) ** 0.5,
            "items": number,
        }

    @torch.no_grad()
    def reconstruct(self, x: Any) -> Tensor:
        """All ratings (N, M) of rows (N, M), on the CPU; 0 or not a number stands for those that are not known."""
        given = to_tensor(x).float().nan_to_num(0.0).to(self.device)
        return self._stars(given, given != 0).clamp(self.low, self.high).cpu()

    def recommend(self, x: Any, count: int = 10) -> Tensor:
        """For each of N rows the columns with the best ratings among those not given, best first, (N, count) int64.

        x: as for `reconstruct`. With rows of users these are the items that they may like. Raises ValueError where
        fewer columns than `count` are left.
        """
        given = to_tensor(x).float().nan_to_num(0.0).cpu() != 0
        left = int((~given).sum(1).min())
        if not 1 <= count <= left:
            raise ValueError(f"Expected a count from 1 to {left}, the fewest that are not rated yet, received {count}.")
        return self.reconstruct(x).masked_fill(given, -torch.inf).topk(count, dim=1).indices

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        shown = self._shown(batch[0], batch[1])
        with torch.no_grad():
            code = self.encoder(shown)
        return {"encoder": (self.encoder, (shown,)), "decoder": (self.decoder, (code,))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return Stars(self), (batch[0], batch[1])

    @torch.no_grad()
    def pictures(self, batches: Iterable[Batch]) -> Figures:
        true, told = [], []
        for x, mask, target, asked in batches:
            true.append(target[asked].cpu())
            told.append(self._stars(x, mask)[asked].clamp(self.low, self.high).cpu())
        return {"ratings": true_against_predicted(torch.cat(true)[:SHOWN].numpy(), torch.cat(told)[:SHOWN].numpy())}

    def _shown(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask, (x - self.mean) / self.std, 0.0)

    def _stars(self, x: Tensor, mask: Tensor) -> Tensor:
        """All ratings (B, M), not cut to the scale."""
        stars: Tensor = self.decoder(self.encoder(self._shown(x, mask))).float() * self.std + self.mean
        return stars

    def _over_ranks(self, numbers: Tensor) -> Tensor:
        if ranks.world() == 1:
            return numbers
        return ranks.sum_over_ranks(numbers.to(self.device)).cpu()


class Stars(nn.Module):
    """From given ratings (B, M) and where they are, bool, to all ratings, for export."""

    def __init__(self, task: RatingAutoencoder) -> None:
        super().__init__()
        self.encoder, self.decoder = task.encoder, task.decoder
        self.mean, self.std = task.mean, task.std

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        shown = torch.where(mask, (x - self.mean) / self.std, 0.0)
        stars: Tensor = self.decoder(self.encoder(shown)) * self.std + self.mean
        return stars
