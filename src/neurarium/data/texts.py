"""What a text in a table means: a number with its unit and marks, or a date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

MOST_MISTAKES = 0.05
"""Up to this share of texts, or a single one, in a column of numbers or dates are mistakes; with more it is neither."""

CURRENCIES = "$€£¥"
_NUMBER = (
    rf"^([{CURRENCIES}]?)\s*"
    r"([+-]?[0-9][0-9.,' \u00a0]*(?:[eE][+-]?[0-9]+)?|[+-]?[.,][0-9]+)\s*"
    r"([^0-9.,+\-\s][^0-9]{0,11}[23²³]?)?$"
)
"""A sign of currency, digits with their marks, a unit; the first and the last may be missing."""
_GROUPED = {",": r"^[+-]?[0-9]{1,3}(,[0-9]{3})+$", ".": r"^[+-]?[0-9]{1,3}(\.[0-9]{3}){2,}$"}

EARLIEST, LATEST = -135_140, 84_006
"""Days of the years 1600 to 2200, counted from 1970: what else looks like a date is none."""

DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%d %b %Y",
    "%b %d, %Y",
)


@dataclass(frozen=True, slots=True)
class Style:
    """How the numbers of a column are written. unit: what stands before or after each, "" for none."""

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


PLAIN = Style()


def few(wrong: int, present: int) -> bool:
    """Whether so many exceptions among so many values are mistakes rather than another kind of column."""
    return 2 * (present - wrong) > present and wrong <= max(1, MOST_MISTAKES * present)


def as_numbers(series: pl.Series, style: Style | Mapping[str, str] = PLAIN) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64, NaN where missing, and a mask of the values that are no numbers written in this style."""
    import polars as pl

    if isinstance(style, Mapping):
        style = Style(**style)
    cast = series.cast(pl.Float64, strict=False)  # what is no number becomes null, which the mask tells
    if style != PLAIN and series.dtype == pl.String:
        digits, unit = _parts(series)
        for mark in {style.thousands, "'", " ", "\u00a0"} - {"", style.decimal}:
            digits = digits.str.replace_all(mark, "", literal=True)
        digits = digits.str.replace(style.decimal, ".", literal=True)
        fits = unit.str.to_lowercase().is_in(["", style.unit.lower()])
        cast = pl.select(pl.when(fits).then(digits).otherwise(None)).to_series().cast(pl.Float64, strict=False)
    values = cast.fill_nan(None).to_numpy().astype(np.float64)
    return values, (cast.is_null() & series.is_not_null()).to_numpy()


def _parts(series: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Digits with their marks, and what stands before and after them; null where a text is no number."""
    groups = series.str.extract_groups(_NUMBER).struct
    return groups.field("2"), groups.field("1") + groups.field("3").fill_null("").str.strip_chars()


def number_style(series: pl.Series) -> Style | None:
    """How the numbers of a column are written; None where it is no column of numbers.

    A comma is the decimal mark unless every number that has one groups its digits by threes ("1,299"), or has a point
    behind it; a point is one unless it stands before a comma, or twice. One unit alone is allowed: of numbers in
    kg and g no column can be made.
    """
    if series.dtype.is_numeric():
        return PLAIN
    present = len(series) - series.null_count()
    if present and few(int(as_numbers(series)[1].sum()), present):
        return PLAIN
    digits, units = (part.drop_nulls() for part in _parts(series.drop_nulls()))
    named = units.filter(units != "")
    if not few(present - len(digits), present) or len(set(named.str.to_lowercase().to_list())) > 1:
        return None
    if 0 < 2 * len(named) <= present:  # what only some numbers have behind them is no unit
        return None
    spaced = next(
        (mark for mark in ("'", "\u00a0", " ") if digits.str.strip_chars().str.contains(mark, literal=True).any()), ""
    )
    bare = digits.str.replace_all(r"['\s]", "")
    comma, point = bare.str.contains(",", literal=True), bare.str.contains(".", literal=True)
    decimal, thousands = ".", spaced
    if (comma & point).any():
        behind = int(bare.filter(comma & point).str.contains(r",[0-9]*\.[0-9]*$").sum())
        decimal, thousands = (".", ",") if 2 * behind > int((comma & point).sum()) else (",", ".")
    elif comma.any():
        decimal, thousands = (".", ",") if bool(bare.filter(comma).str.contains(_GROUPED[","]).all()) else (",", spaced)
    elif bool(bare.str.contains(_GROUPED["."]).any()):
        decimal, thousands = ",", "."
    style = Style(decimal, thousands, named[0] if len(named) else "")
    return style if few(int(as_numbers(series, style)[1].sum()), present) else None


def units_of(series: pl.Series) -> list[str]:
    """The different units of a column of which nearly all values are numbers with a unit; [] of any other."""
    known = series.drop_nulls()
    digits, units = (part.drop_nulls() for part in _parts(known))
    if not len(known) or not few(len(known) - len(digits), len(known)):
        return []
    return sorted(set(units.to_list()) - {""})


def as_days(series: pl.Series, form: str) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64 days since 1970, NaN where missing, and a mask of the values that are no dates in this form."""
    import polars as pl

    kind = pl.Datetime("us") if "%H" in form else pl.Date
    parsed = series.str.strptime(kind, form, strict=False, exact=True)  # no date: null, in the mask
    moments = parsed.cast(pl.Datetime("us")).dt.timestamp("us").cast(pl.Float64)
    values = moments.to_numpy().astype(np.float64) / (24 * 3600 * 1e6)
    strange = (values < EARLIEST) | (values > LATEST)  # 1.2.3 is a version, not a day of the year 3
    values[strange] = np.nan
    return values, (parsed.is_null() & series.is_not_null()).to_numpy() | strange


def date_form(series: pl.Series) -> tuple[str, list[str]]:
    """The form in which most dates of a column are written ("" where it holds none), and others that fit as well."""
    present = len(series) - series.null_count()
    sample = series.drop_nulls().head(1000)
    likely = sample.filter(sample.str.contains(r"\w{1,4}[-./ ]\w{1,9}[-./, ]+\d{1,4}"))
    if not present or len(likely) * 2 <= len(sample):
        return "", []
    right = {
        form: present - int(as_days(series, form)[1].sum()) for form in DATES if not as_days(sample, form)[1].all()
    }
    if not right:
        return "", []
    best = max(right.values())
    fitting = [form for form, count in right.items() if count == best]
    return (fitting[0], fitting[1:]) if 2 * best > present else ("", [])


def readable(form: str) -> str:
    """%d.%m.%Y as dd.mm.yyyy."""
    names: dict[str, Any] = {"Y": "yyyy", "m": "mm", "d": "dd", "H": "hh", "M": "mm", "S": "ss", "b": "Mon"}
    return re.sub(r"%(.)", lambda found: names[found[1]], form)
