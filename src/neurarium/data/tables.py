"""Tables as data: numbers as they are, text as unit vectors, one column as the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neurarium.data.memory import InMemory
from neurarium.data.splits import check_validation, permutation_split, stratified_split
from neurarium.data.table_files import Table, read_table
from neurarium.train.batches import Labelled
from neurarium.train.data import Finding, Spec
from neurarium.train.recipe import UserError, near

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES = 20
"""A target of whole numbers with more distinct values is a quantity."""

MOST_CATEGORIES = 100
"""A text column with more distinct values is free text or an identifier, and left out."""

MOST_MISTAKES = 0.05
"""Up to this share of texts, or a single one, in a column of numbers are mistakes; more of them are categories."""

RESOLUTION = 1e-3
"""Float32 should tell values apart that differ by this share of their column's deviation; it is warned of else."""

SMALLEST_DEVIATION = 1e-6
"""Networks divide by no less: a column that varies less stays nearly constant for them, and is warned of."""

TEST_SHARE = 0.15
FEWEST_ROWS = 10


def open_table(path: Path, *, batch_size: int, target: str | None, validation: int | None, seed: int) -> InMemory:
    """A CSV or Parquet file; 70 % of the rows to train with, 15 % validation and 15 % test, drawn from `seed`.

    target: the column that is learned. Text, yes and no, and whole numbers of at most 20 distinct values that come
        twice on average are classes, cut in the same shares in every split; other numbers are a quantity.
    x: (F,) float32. Numbers are as they stand in the file, missing ones replaced by the median of the training rows;
        texts are unit vectors over the categories of the training rows, among which "missing" is one if it occurs
        there, and all zeros where unknown. y: (N,) int64, or the standardised quantity (N,) float32.

    `spec.fitted`: kind "table"; columns: [{name, kind "number", fill} or {name, kind "text", categories}], where the
    category None is "missing"; target: {name}, for a quantity with mean and std in its own unit; mean and std of every
    input over the training rows, by which the network standardises x: 0 and 1 for unit vectors, which stay as they are.
    Raises UserError with file and line for all that must be mended.
    """
    table = read_table(path)
    goal = _target(table, target)
    if table.num_rows < FEWEST_ROWS:
        raise UserError(f"{path}: expected at least {FEWEST_ROWS} rows, found {table.num_rows}. Add rows.")
    y, classes = _labels(table, goal)

    num_test = round(TEST_SHARE * table.num_rows)
    rest = table.num_rows - num_test
    held = check_validation(validation, default=num_test, available=rest, name=path.name)
    counts = {"train": rest - held, "validation": held, "test": num_test}
    shares = {split: count / table.num_rows for split, count in counts.items() if count}
    rows = stratified_split(y, shares, seed=seed) if classes else permutation_split(len(y), shares, seed=seed)

    columns, findings = _fit(table, goal, rows["train"])
    x = encode(table, columns)
    mean, std = _scales(x[rows["train"]], columns)
    about_target: dict[str, Any] = {"name": goal}
    if not classes:
        centre, spread = float(y[rows["train"]].mean()), float(y[rows["train"]].std())
        if spread == 0:
            raise UserError(
                f"{path}: expected a target that varies; {goal!r} is {centre:g} in all training rows. Choose another."
            )
        about_target |= {"mean": centre, "std": spread}
        y = ((y - centre) / spread).astype(np.float32)
    spec = Spec(
        shape=(x.shape[1],),
        sizes={split: len(part) for split, part in rows.items()},
        classes=classes,
        fitted={
            "kind": "table",
            "columns": columns,
            "target": about_target,
            "mean": mean,
            "std": std,
        },
    )
    splits = {split: Labelled(torch.from_numpy(x[part]), torch.from_numpy(y[part])) for split, part in rows.items()}
    places = {split: [table.place(int(row)) for row in part] for split, part in rows.items()}
    return InMemory(splits, spec, batch_size=batch_size, findings=findings, name=path.name, places=places)


def encode(table: Table, columns: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(N, F) float32 of a table with these columns, as they were fitted. UserError for a missing column."""
    blocks = []
    for column in columns:
        name = column["name"]
        if name not in table.columns:
            raise UserError(
                f"{table.path}: expected the column {name!r}, found none.{near(name, table.columns)} Add or rename it."
            )
        if column["kind"] == "number":
            values = numbers(table, name)
            blocks.append(np.where(np.isnan(values), column["fill"], values).astype(np.float32)[:, None])
        else:
            place = {text: i for i, text in enumerate(column["categories"])}
            unknown = len(place)  # the last row of what is picked from: all zeros
            places = [place.get(text, unknown) for text in _texts(table.columns[name])]
            blocks.append(np.eye(unknown + 1, unknown, dtype=np.float32)[places])
    return np.concatenate(blocks, axis=1)


def _scales(x: np.ndarray, columns: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """Mean and deviation of every input of the training rows x; 0 and 1 for unit vectors."""
    sizes = [1 if column["kind"] == "number" else len(column["categories"]) for column in columns]
    is_number = np.repeat([column["kind"] == "number" for column in columns], sizes)
    mean, std = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    std[std == 0] = 1.0  # what float32 cannot tell apart can still be divided by
    return np.where(is_number, mean, 0.0).tolist(), np.where(is_number, std, 1.0).tolist()


def numbers(table: Table, name: str) -> np.ndarray:
    """(N,) float64 of a column, NaN where missing. UserError with the line of a text or an infinity."""
    import polars as pl

    series = table.columns[name]
    cast = series.cast(pl.Float64, strict=False)
    values = cast.fill_nan(None).to_numpy().astype(np.float64)
    no_number = (cast.is_null() & series.is_not_null()).to_numpy()
    for wrong, expected in (
        (no_number, "a number"),
        (np.isinf(values), "a finite number"),
        (np.abs(values) > np.finfo(np.float32).max, "a number that 32 bits can hold, at most 3.4e38"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(
                f"{table.place(row)}: expected {expected} in {name!r}, found {series[row]!r}. "
                "Correct it, or leave the cell empty where the value is missing."
            )
    return values


def _is_number(table: Table, name: str) -> bool:
    """Whether all values of a column are numbers, or nearly all: the latter raises in `numbers`, with the line."""
    import polars as pl

    series = table.columns[name]
    if series.dtype.is_numeric():
        return True
    present = len(series) - series.null_count()
    parsed = present - (series.cast(pl.Float64, strict=False).null_count() - series.null_count())
    return 2 * parsed > present and present - parsed <= max(1, MOST_MISTAKES * present)


def _texts(series: pl.Series) -> list[str | None]:
    """Values as texts; whole numbers, as 1.0 in a column with gaps, without a point."""
    import polars as pl

    if series.dtype.is_float():
        return [None if v is None or v != v else repr(v).removesuffix(".0") for v in series.to_list()]
    return series.cast(pl.String).to_list()


def _target(table: Table, target: str | None) -> str:
    if target is None:
        raise UserError(
            f"{table.path}: expected the name of the column that is to be learned. Choose one with --target: "
            f"{', '.join(table.columns)}."
        )
    if target not in table.columns:
        raise UserError(
            f"{table.path}: expected a column as target; {target!r} is none.{near(target, table.columns)} "
            f"Choose --target among {', '.join(table.columns)}."
        )
    series = table.columns[target]
    missing = series.is_null() | (series.is_nan() if series.dtype.is_float() else series.is_null())
    if missing.any():
        rows = np.flatnonzero(missing.to_numpy())
        raise UserError(
            f"{table.place(int(rows[0]))}: expected a value of the target {target!r}, found none, as in {len(rows)} of "
            f"{table.num_rows} rows. Fill it in, or remove these rows."
        )
    return target


def _labels(table: Table, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """y and the names of the classes: int64 and names, or float64 and none."""
    if _is_number(table, name):
        y = numbers(table, name)
        distinct = np.unique(y)
        whole = bool((distinct == np.rint(distinct)).all())
        if not whole or len(distinct) > MOST_CLASSES or 2 * len(distinct) > len(y):
            return y, ()
        classes = tuple(f"{value:.0f}" for value in distinct)
        return _repeated(table, name, np.searchsorted(distinct, y).astype(np.int64), classes), classes
    texts = table.columns[name].to_list()
    classes = tuple(sorted(set(texts)))
    if len(classes) > len(texts) / 2:
        raise UserError(
            f"{table.path}: expected a target of classes or of numbers; {name!r} holds {len(classes)} different texts "
            f"in {len(texts)} rows, such as {texts[0]!r}. Choose another column."
        )
    number = {text: label for label, text in enumerate(classes)}
    return _repeated(table, name, np.array([number[text] for text in texts], dtype=np.int64), classes), classes


def _repeated(table: Table, name: str, y: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """y itself; UserError for a class with a single row, which cannot be both learned and judged."""
    single = np.flatnonzero(np.bincount(y) == 1)
    if len(single):
        row = int(np.flatnonzero(y == single[0])[0])
        others = f", and {len(single) - 1} more classes with one row" if len(single) > 1 else ""
        raise UserError(
            f"{table.place(row)}: expected at least two rows of every class of {name!r}, found only this one of "
            f"{classes[single[0]]!r}{others}. Add rows of it, correct its name, or remove the row."
        )
    return y


def _fit(table: Table, target: str, train: np.ndarray) -> tuple[list[dict[str, Any]], list[Finding]]:
    """What is learned of the inputs from the training rows, and what was noticed."""
    columns: list[dict[str, Any]] = []
    findings = []

    def warn(name: str, what: str, fix: str) -> None:
        findings.append(Finding("warning", f"{table.path.name}, column {name!r}", what, fix))

    for name, series in table.columns.items():
        if name == target:
            continue
        if _is_number(table, name):
            values = numbers(table, name)
            missing, values = np.isnan(values), values[train]
            known = values[~np.isnan(values)]
            if len(known) == 0 or known.min() == known.max():
                warn(name, "it has one value in all training rows: it tells nothing and is left out.", "Remove it.")
                continue
            fill = float(np.median(known))
            if np.spacing(np.float32(np.abs(known).max())) > RESOLUTION * known.std():
                what = f"its values, such as {known[0]:.12g}, differ by too little for numbers of 32 bits."
                warn(name, what, f"Subtract a constant from it, such as {fill:.12g}.")
            elif known.std() < SMALLEST_DEVIATION:
                what = f"its deviation is {known.std():.1e}: networks divide by at least {SMALLEST_DEVIATION:g}."
                warn(name, what, "Give it in a smaller unit, such as nanometres for metres.")
            columns.append({"name": name, "kind": "number", "fill": fill})
            remedy = f"are replaced by the median of the training rows, {fill:g}."
        else:
            texts = _texts(series)
            missing = np.array([text is None for text in texts])
            known_texts = {text for text in (texts[row] for row in train) if text is not None}
            categories: list[str | None] = sorted(known_texts)
            if missing[train].any():
                categories.append(None)
            if len(categories) == 1:
                warn(name, "it has one value in all training rows: it tells nothing and is left out.", "Remove it.")
                continue
            if len(categories) > MOST_CATEGORIES:
                what = f"{len(categories)} different texts are no categories: it is left out."
                warn(name, what, "Remove it, or turn it into numbers or fewer categories.")
                continue
            columns.append({"name": name, "kind": "text", "categories": categories})
            remedy = "are a category of their own." if None in categories else "are zeros in all categories."
        if missing.any():
            what = f"{int(missing.sum())} of {table.num_rows} values are missing, the first at "
            first = table.place(int(np.flatnonzero(missing)[0]))
            warn(name, f"{what}{first}; they {remedy}", "Fill them in if you know them.")
    if not columns:
        raise UserError(f"{table.path}: expected columns to learn {target!r} from, found none that varies. Add some.")
    return columns, findings
