"""Ratings: the file's own numbers, who is asked what, and tables that are wrong."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from neurarium.data.rating_tables import tastes
from neurarium.data.ratings import RatingRows, open_ratings
from neurarium.train.data import Shard, Spec
from neurarium.train.recipe import UserError

TASK: Any = None


def matrices(data: RatingRows, split: str) -> tuple[np.ndarray, ...]:
    """x, mask, target and target_mask of all rows of the matrix; rows that a split leaves out are zero."""
    num_rows = len(data.spec.fitted[data.spec.fitted["rows"]])
    batches = list(data.split(split, shard=Shard()))
    whole = []
    for fields in zip(*batches, strict=True):
        field = torch.cat(fields).numpy()
        full = np.zeros((num_rows, field.shape[1]), dtype=field.dtype)
        full[data.numbers[split].numpy()] = field
        whole.append(full)
    return tuple(whole)


def test_movielens_is_whole_and_every_rating_is_asked_once(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURARIUM_DATA", str(data_home))
    data = open_ratings("movielens", batch_size=64)
    frame = pl.read_csv(data_home / "ml-latest-small" / "ratings.csv")
    assert frame.height == 100_836
    fitted = data.spec.fitted
    assert len(fitted["users"]) == 610 == frame["userId"].n_unique()
    assert len(fitted["items"]) == len(fitted["titles"]) == 9_724 == frame["movieId"].n_unique()
    assert data.spec.shape == (9_724,)
    assert fitted["num_ratings"] == {"train": 80_669, "validation": 10_083, "test": 10_084}
    assert fitted["users"][:3] == ["1", "2", "3"]
    assert fitted["items"][0] == "1"
    assert fitted["titles"][0] == "Toy Story (1995)"
    # The file's own matrix, read with csv alone.
    column = {film: place for place, film in enumerate(fitted["items"])}
    expected = np.zeros((610, 9_724), dtype=np.float32)
    with (data_home / "ml-latest-small" / "ratings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            expected[int(row["userId"]) - 1, column[row["movieId"]]] = float(row["rating"])
    asked = {split: matrices(data, split) for split in data.splits}
    train_x, train_mask, train_target, train_target_mask = asked["train"]
    assert (train_x == train_target).all()
    assert (train_mask == train_target_mask).all()
    times = sum(fields[3].astype(int) for fields in asked.values())
    np.testing.assert_array_equal(times, expected > 0)
    np.testing.assert_array_equal(sum(fields[2] for fields in asked.values()), expected)
    for split in ("validation", "test"):
        kept = asked[split][3].any(1)
        np.testing.assert_array_equal(asked[split][0][kept], train_x[kept])
    assert fitted["mean"] == pytest.approx(train_x[train_mask].astype(float).mean(), rel=1e-12)
    assert fitted["std"] == pytest.approx(train_x[train_mask].astype(float).std(), rel=1e-9)
    assert (fitted["low"], fitted["high"]) == (0.5, 5.0)
    assert expected.sum(dtype=float) / 100_836 == pytest.approx(frame["rating"].mean(), rel=1e-12)
    assert round(float(frame["rating"].mean()), 4) == 3.5016  # type: ignore[arg-type]
    (note,) = data.audit()
    unseen = 9_724 - int(train_mask.any(0).sum())
    assert note.severity == "note"
    assert note.what.startswith(f"{unseen} of 9724 items have held-out ratings alone")


def test_rows_of_items_are_the_columns_of_users() -> None:
    users, items = (open_ratings("tastes", batch_size=8, rows=rows, seed=3) for rows in ("users", "items"))  # type: ignore[arg-type]
    assert users.spec.shape == (40,)
    assert items.spec.shape == (60,)
    for split in users.splits:
        for one, other in zip(matrices(users, split)[2:], matrices(items, split)[2:], strict=True):
            np.testing.assert_array_equal(one, other.T)
    assert users.spec.fitted["mean"] == items.spec.fitted["mean"]
    assert Spec.from_json(users.spec.to_json()) == users.spec


def test_batches_are_a_function_of_seed_and_number_and_show_every_row_once_an_epoch() -> None:
    data = open_ratings("tastes", batch_size=7)
    straight = data.stream(TASK, seed=5, shard=Shard())
    batches = [next(straight) for _ in range(60)]
    resumed = data.stream(TASK, seed=5, shard=Shard())
    resumed.restore({"position": 41})
    assert all(torch.equal(a, b) for a, b in zip(next(resumed), batches[41], strict=True))
    assert resumed.state() == {"position": 42}
    shown = torch.cat([batch.x for batch in batches])  # 420 rows: seven epochs of 60
    rows, times = shown.unique(dim=0, return_counts=True)
    assert len(rows) == 60
    assert times.tolist() == [7] * 60
    for rank in range(2):
        mine = next(data.stream(TASK, seed=5, shard=Shard(rank, 2)))
        assert torch.equal(mine.x, batches[0].x[rank::2])
    assert batches[0].x.dtype == torch.float32
    assert batches[0].mask.dtype == torch.bool
    assert torch.equal(batches[0].x != 0, batches[0].mask)
    assert torch.equal(batches[0].x, batches[0].target)
    other, same = open_ratings("tastes", batch_size=7, seed=1), open_ratings("tastes", batch_size=7)
    assert not np.array_equal(matrices(other, "test")[3], matrices(data, "test")[3])
    np.testing.assert_array_equal(matrices(same, "test")[3], matrices(data, "test")[3])


def test_tastes_can_be_told_from_the_others_ratings() -> None:
    """Factors by alternating least squares beat the mean of the item."""
    data = open_ratings("tastes", batch_size=7)
    x, mask, _, _ = matrices(data, "train")
    _, _, target, asked = matrices(data, "test")
    mean = x.sum(0) / mask.sum(0).clip(1)
    people, things = np.random.default_rng(0).standard_normal((60, 2)), np.zeros((40, 2))
    for _ in range(20):
        for one, other, values, seen in ((things, people, (x - 3).T, mask.T), (people, things, x - 3, mask)):
            for row in range(len(one)):
                known = other[seen[row]]
                one[row] = np.linalg.solve(known.T @ known + 0.3 * np.eye(2), known.T @ values[row, seen[row]])
    told = np.clip(3 + people @ things.T, 1, 5)
    error = {name: np.sqrt(((guess - target)[asked] ** 2).mean()) for name, guess in (("mean", mean), ("als", told))}
    assert error["als"] < 0.6 * error["mean"]
    known = tastes()
    assert sorted(set(known.rating.tolist())) == [1, 2, 3, 4, 5]
    assert len(known.rating) == pytest.approx(800, abs=70)


GOOD = [f"anna,book {i},{i % 5 + 1}" for i in range(8)] + ["bob,book 1,3.5", "bob,book 2,1"]


def table(tmp_path: Path, lines: list[str], header: str = "user,item,rating") -> str:
    path = tmp_path / "stars.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


def test_a_persons_own_table(tmp_path: Path) -> None:
    data = open_ratings(table(tmp_path, [f"{line},late" for line in GOOD], "User_ID,Item,Rating,note"), batch_size=4)
    assert data.spec.fitted["users"] == ["anna", "bob"]
    assert data.spec.fitted["items"] == [f"book {i}" for i in range(8)]
    assert data.spec.fitted["titles"] == []
    whole = sum(matrices(data, split)[2] for split in data.splits)
    np.testing.assert_array_equal(whole, [[1, 2, 3, 4, 5, 1, 2, 3], [0, 3.5, 1, 0, 0, 0, 0, 0]])
    assert data.spec.sizes["train"] == 2
    alike = open_ratings(table(tmp_path, [f"u{i % 3},{i},4" for i in range(30)]), batch_size=4)
    assert [finding.severity for finding in alike.audit()] == ["error"]
    assert alike.spec.fitted["items"] == [str(i) for i in range(30)]  # as numbers, not as text


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        ([*GOOD, "bob,book 3,good"], "user,item,rating", r"stars.csv, line 12: expected a number .* found 'good'"),
        ([*GOOD, "bob,book 3,inf"], "user,item,rating", r"line 12: expected a number as rating"),
        ([*GOOD, "bob,,3"], "user,item,rating", r"line 12: expected a value of 'item', found none"),
        ([*GOOD, "bob,book 3,"], "user,item,rating", r"line 12: expected a value of 'rating', found none"),
        ([*GOOD, "bob,book 1,2"], "user,item,rating", r"line 12: .* 'bob' rated 'book 1' in stars.csv, line 10 before"),
        ([*GOOD, "bob,book 3"], "user,item,rating", r"line 12: expected 3 values"),
        (GOOD, "who,item,rating", r"expected one column 'user'; the columns are who, item, rating"),
        (GOOD, "user,userId,rating", r"expected one column 'user'; found user and userId"),
        (GOOD[:4], "user,item,rating", r"expected at least 10 ratings, found 4"),
    ],
)  # fmt: skip
def test_wrong_tables_are_refused_with_their_line(tmp_path: Path, lines: list[str], header: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_ratings(table(tmp_path, lines, header), batch_size=4)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match=r"'movilens' is neither.*Did you mean 'movielens'"):
        open_ratings("movilens", batch_size=4)
    with pytest.raises(UserError, match=r"rows='films'. Choose users or items"):
        open_ratings("tastes", batch_size=4, rows="films")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"at least 1, received 0"):
        open_ratings("tastes", batch_size=0)
    with pytest.raises(UserError, match=r"splits train, validation, test"):
        next(open_ratings("tastes", batch_size=4).split("held", shard=Shard()))
