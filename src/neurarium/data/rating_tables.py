"""Where ratings come from: MovieLens, a person's own table, or a generated set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neurarium.data.home import MOVIELENS, fetch
from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.data.table_files import Table, read_table
from neurarium.data.texts import as_numbers
from neurarium.train.recipe import UserError, near

if TYPE_CHECKING:
    import polars as pl

KNOWN = ("movielens", "tastes")
TABLES = (".csv", ".tsv", ".parquet")
COLUMNS = {"user": ("user", "userid"), "item": ("item", "itemid", "movieid"), "rating": ("rating",)}
"""What a column may be called; capitals, spaces and underscores do not matter."""
FEWEST = 10


class Known(NamedTuple):
    """Ratings that are known. user, item: (N,) int64 numbers into users and items. rating: (N,) float32.

    users, items: names, sorted as numbers where all of them are whole numbers. titles: of the items, or empty.
    """

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    users: tuple[str, ...]
    items: tuple[str, ...]
    titles: tuple[str, ...] = ()


def read_ratings(name: str) -> Known:
    """See `open_ratings`."""
    if name == "movielens":
        return _movielens()
    if name == "tastes":
        return tastes()
    path = Path(name).expanduser()
    if path.suffix.lower() in TABLES and path.is_file():
        return from_table(read_table(path))
    raise UserError(
        f"Expected one of the ratings {', '.join(KNOWN)}, or the path of a table ({', '.join(TABLES)}) with the "
        f"columns user, item and rating; {name!r} is neither, seen from {Path.cwd()}.{near(name, KNOWN)}"
    )


def from_table(table: Table) -> Known:
    """The ratings of a table; UserError at the first row that is none."""
    series = {kind: _column(table, kind) for kind in COLUMNS}
    for kind, column in series.items():
        if column.null_count():
            row = int(column.is_null().arg_true()[0])
            raise UserError(f"{table.place(row)}: expected a value of {kind!r}, found none. Fill it in.")
    rating = as_numbers(series["rating"])[0].astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rating))
    if len(bad):
        row = int(bad[0])
        raise UserError(
            f"{table.place(row)}: expected a number as rating, found {series['rating'][row]!r}. Correct it."
        )
    if len(rating) < FEWEST:
        raise UserError(f"{table.path}: expected at least {FEWEST} ratings, found {len(rating)}. Add some.")
    users, user = _numbered(series["user"])
    items, item = _numbered(series["item"])
    _, first, which = np.unique(user * len(items) + item, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(rating)))
    if len(again):
        row = int(again[0])
        raise UserError(
            f"{table.place(row)}: expected one rating of an item by a user; {users[user[row]]!r} rated "
            f"{items[item[row]]!r} in {table.place(int(first[which[row]]))} before. Keep one of them."
        )
    return Known(user, item, rating, users, items)


def tastes() -> Known:
    """60 generated people and 40 things, each with two hidden numbers; about a third of the ratings are known.

    A rating is 3 plus 1.2 times the product of the two pairs of numbers, with noise, rounded and cut to 1 to 5 stars.
    """
    random = numpy_generator(Purpose.SAMPLE, 0, 13)
    people, things = random.standard_normal((60, 2)), random.standard_normal((40, 2))
    stars = np.clip(np.rint(3 + 1.2 * people @ things.T + 0.3 * random.standard_normal((60, 40))), 1, 5)
    user, item = np.nonzero(random.random((60, 40)) < 1 / 3)
    names = (tuple(f"person {i + 1}" for i in range(60)), tuple(f"thing {i + 1}" for i in range(40)))
    return Known(user, item, stars[user, item].astype(np.float32), *names)


def _movielens() -> Known:
    paths = fetch(MOVIELENS)
    known = from_table(read_table(paths["ratings.csv"]))
    films = read_table(paths["movies.csv"]).columns
    titles = dict(zip(films["movieId"].to_list(), films["title"].to_list(), strict=True))
    return known._replace(titles=tuple(titles[film] for film in known.items))


def _column(table: Table, kind: str) -> pl.Series:
    names = {name: "".join(letter for letter in name.lower() if letter not in " _-") for name in table.columns}
    found = [name for name, plain in names.items() if plain in COLUMNS[kind]]
    if len(found) != 1:
        came = f"found {' and '.join(found)}" if found else f"the columns are {', '.join(table.columns)}"
        raise UserError(f"{table.path}: expected one column {kind!r}; {came}. Rename the columns.")
    return table.columns[found[0]]


def _numbered(names: pl.Series) -> tuple[tuple[str, ...], np.ndarray]:
    """The different names in order, and for each row which of them it is, (N,) int64."""
    import polars as pl

    text = names.cast(pl.String)
    numbers = text.cast(pl.Int64, strict=False)  # one name that is no number, and all are sorted as texts
    keys = (text if numbers.null_count() else numbers).to_numpy()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return tuple(text[int(row)] for row in first), which.astype(np.int64)
