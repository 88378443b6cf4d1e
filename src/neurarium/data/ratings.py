"""Who gave what how many stars: tables of ratings as the rows of a matrix of which little is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurarium.data.memory import Order, at_most_all, known_split, spans
from neurarium.data.rating_tables import Known, read_ratings
from neurarium.data.splits import permutation_split
from neurarium.train.data import Data, Finding, Shard, Spec, State, Stream
from neurarium.train.recipe import UserError
from neurarium.train.task import Task

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
EVALUATION_ROWS = 256


class Ratings(NamedTuple):
    """Rows of the matrix of ratings. x: (B, M) float32, those that are given, 0 elsewhere. mask: (B, M) bool, where
    they are given. target, target_mask: the same of those that are to be told.
    """

    x: Tensor
    mask: Tensor
    target: Tensor
    target_mask: Tensor


def open_ratings(name: str, *, batch_size: int, rows: Literal["users", "items"] = "users", seed: int = 0) -> RatingRows:
    """Ratings with the splits train, validation and test: 80, 10 and 10 % of the ratings, drawn from `seed`.

    name: movielens, 100,836 ratings of 9,724 films by 610 people, 0.5 to 5 stars (ml-latest-small; Harper and Konstan
        2015); tastes, a generated set of 60 people and 40 things; else the path of a .csv, .tsv or .parquet table with
        the columns user, item and rating, or userId and movieId as MovieLens writes them; other columns are not read.
    rows: what one row tells of: a user's ratings of all items, or an item's by all users (Sedhain et al. 2015 call the
        two U-AutoRec and I-AutoRec).

    Raises UserError, with file and line, for a missing column, an empty field, what is no number, and a second rating
    of the same item by the same user.
    """
    if rows not in ("users", "items"):
        raise UserError(f"Expected rows of users or of items; received rows={rows!r}. Choose users or items.")
    return RatingRows(read_ratings(name), rows=rows, batch_size=batch_size, seed=seed, name=name)


class RatingRows(Data):
    """Rows of a matrix of ratings; they lie sparse in memory, and batches are dense.

    A training batch gives and asks for the training ratings of its rows. A split of one pass gives the training
    ratings too, and asks for the split's own. Rows of which a split asks nothing are left out of it; a row may have
    nothing but held-out ratings, and then x is 0 throughout.

    `spec.fitted`: kind "ratings"; rows, "users" or "items"; users, items and titles, the names in the order of the
    matrix, titles empty where there are none; num_ratings by split; and of the training ratings mean, std, low and
    high. `numbers[split]`: which rows of the matrix a split has, in its order.
    """

    splits = ("train", "validation", "test")

    def __init__(
        self, known: Known, *, rows: Literal["users", "items"], batch_size: int, seed: int, name: str = "ratings"
    ) -> None:
        self._name = name
        row, column = (known.user, known.item) if rows == "users" else (known.item, known.user)
        names = {"users": known.users, "items": known.items}
        num_rows, num_columns = len(names[rows]), len(names["items" if rows == "users" else "users"])
        chosen = permutation_split(len(row), SHARES, seed=seed)
        self._sparse = {
            split: _Sparse.of(row[part], column[part], known.rating[part], num_rows=num_rows)
            for split, part in chosen.items()
        }
        self._num_columns = num_columns
        self.numbers = {split: sparse.present() for split, sparse in self._sparse.items()}
        self._batch_size = at_most_all(batch_size, num_items=len(self.numbers["train"]), name=name)
        given = known.rating[chosen["train"]].astype(float)
        self.spec = Spec(
            shape=(num_columns,),
            sizes={split: len(numbers) for split, numbers in self.numbers.items()},
            fitted={
                "kind": "ratings",
                "rows": rows,
                "users": list(known.users),
                "items": list(known.items),
                "titles": list(known.titles),
                "num_ratings": {split: len(part) for split, part in chosen.items()},
                "mean": float(given.mean()),
                "std": float(given.std()),
                "low": float(given.min()),
                "high": float(given.max()),
            },
        )

    def audit(self) -> list[Finding]:
        train, fitted = self._sparse["train"], self.spec.fitted
        if fitted["low"] == fitted["high"]:
            what = f"all training ratings are {fitted['low']:g}: nothing can be told apart."
            return [Finding("error", self._name, what, "Check how they were made.")]
        findings = []
        rows = fitted["rows"]
        for kind, count, seen in (
            (rows, len(train.starts) - 1, len(train.present())),
            ("items" if rows == "users" else "users", self._num_columns, len(train.columns.unique())),
        ):
            if seen < count:
                what = f"{count - seen} of {count} {kind} have held-out ratings alone: none to learn from."
                findings.append(Finding("note", self._name, what, "What is told of them is a guess."))
        return findings

    def to(self, device: torch.device) -> None:
        self._sparse = {split: _Sparse(*(f.to(device) for f in sparse)) for split, sparse in self._sparse.items()}
        self.numbers = {split: numbers.to(device) for split, numbers in self.numbers.items()}

    def batch(self, split: str, rows: Tensor) -> Ratings:
        """What is given and asked of these rows of the matrix (B,) int64."""
        x, mask = self._sparse["train"].dense(rows, self._num_columns)
        asked = (x, mask) if split == "train" else self._sparse[split].dense(rows, self._num_columns)
        return Ratings(x, mask, *asked)

    def stream(self, task: Task, *, seed: int, shard: Shard) -> RatingStream:
        numbers = self.numbers["train"]
        order = Order(len(numbers), self._batch_size, seed=seed, device=numbers.device)
        return RatingStream(self, order, shard=shard)

    def split(self, name: str, *, shard: Shard) -> Iterator[Ratings]:
        numbers = self.numbers[known_split(name, self.splits)]
        for start, stop in spans(len(numbers), EVALUATION_ROWS, world=shard.world):
            yield self.batch(name, shard.of(numbers[start:stop]))


class RatingStream(Stream):
    """Rows in the order of `Order`, without end."""

    def __init__(self, data: RatingRows, order: Order, *, shard: Shard) -> None:
        self._data, self._order, self._shard = data, order, shard
        self._position = 0

    def __next__(self) -> Ratings:
        index = self._shard.of(self._order.batch(self._position))
        self._position += 1
        return self._data.batch("train", self._data.numbers["train"][index])

    def state(self) -> State:
        return {"position": self._position}

    def restore(self, state: State) -> None:
        self._position = int(state["position"])


class _Sparse(NamedTuple):
    """starts: (R + 1,) int64; row r has the entries starts[r] to starts[r + 1] of columns and values, both (E,)."""

    starts: Tensor
    columns: Tensor
    values: Tensor

    @classmethod
    def of(cls, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, *, num_rows: int) -> _Sparse:
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.bincount(rows, minlength=num_rows).cumsum()])
        return cls(*(torch.from_numpy(field) for field in (starts, columns[order], values[order])))

    def present(self) -> Tensor:
        """The rows that have entries."""
        return self.starts.diff().nonzero()[:, 0]

    def dense(self, rows: Tensor, num_columns: int) -> tuple[Tensor, Tensor]:
        """Values (B, num_columns) float32, 0 where there is none, and where there is one, bool."""
        first, counts = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        owner = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        within = torch.arange(len(owner), device=rows.device) - (counts.cumsum(0) - counts)[owner]
        place = first[owner] + within
        values = torch.zeros(len(rows), num_columns, device=rows.device)
        values[owner, self.columns[place]] = self.values[place]
        mask = torch.zeros_like(values, dtype=torch.bool)
        mask[owner, self.columns[place]] = True
        return values, mask
