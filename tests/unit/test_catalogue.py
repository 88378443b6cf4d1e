"""The catalogue is whole, every row has one owner, and no marker names a row that does not exist."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import catalogue

ROWS_BY_SECTION = {
    1: 112, 2: 53, 3: 22, 4: 28, 5: 68, 6: 22, 7: 20, 8: 32,
    9: 52, 10: 23, 11: 20, 12: 49, 13: 22, 14: 71, 15: 19, 16: 76,
}  # fmt: skip
ROWS_BY_ROUND = {
    "engine": 7, "foundations": 127, "convolution": 96, "recurrent": 98, "language": 56, "unsupervised": 89,
    "reinforcement": 33, "detection": 32, "translation": 31, "explanation": 25,
}  # fmt: skip
ROUND_OF_SECTION = {
    1: "foundations", 2: "convolution", 3: "convolution", 4: "detection", 5: "recurrent", 6: "language",
    7: "language", 8: "unsupervised", 10: "reinforcement", 11: "explanation",
}  # fmt: skip
ROUND_OF_SUBSECTION = {"9.1": "unsupervised", "9.2": "unsupervised", "9.3": "translation"}


def test_catalogue_has_689_rows_with_unique_ids() -> None:
    rows = catalogue.rows()
    assert Counter(row.section for row in rows) == ROWS_BY_SECTION
    assert len(rows) == sum(ROWS_BY_SECTION.values()) == 689
    assert [id for id, count in Counter(row.id for row in rows).items() if count > 1] == []


def test_every_row_says_something() -> None:
    assert [row.id for row in catalogue.rows() if not all(row.cells.values())] == []


def test_every_row_of_sections_1_to_14_has_exactly_one_owner() -> None:
    owned = [row.id for row in catalogue.rows() if row.section <= catalogue.LAST_OWNED_SECTION]
    assert list(catalogue.owners()) == owned  # a JSON object holds each key once; the order is the catalogue's
    text = (catalogue.FOLDER / "owners.json").read_text("utf-8")
    assert text.count('": "') == len(owned)


def test_owners_are_as_agreed() -> None:
    owners = catalogue.owners()
    assert Counter(owners.values()) == ROWS_BY_ROUND
    for row in catalogue.rows():
        whole = ROUND_OF_SECTION.get(row.section) or ROUND_OF_SUBSECTION.get(row.subsection)
        if whole:
            assert owners[row.id] == whole, row.id


def test_every_marker_names_a_row() -> None:
    assert catalogue.unknown(catalogue.markers(), catalogue.rows()) == []


def test_markers_are_found_wherever_pytest_allows_them() -> None:
    source = """
pytestmark = pytest.mark.catalogue("relu")

@pytest.mark.catalogue("lenet-5", "mnist")
def test_one(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.catalogue("elu"))])
def test_two(x): ...
"""
    found = {(marker.id, marker.place) for marker in catalogue.markers_in(source, "a.py")}
    assert found == {("relu", "a.py:2"), ("lenet-5", "a.py:4"), ("mnist", "a.py:4"), ("elu", "a.py:7")}


@pytest.mark.parametrize("call", ["catalogue(NAME)", "catalogue(*NAMES)", "catalogue()", "catalogue(id='relu')"])
def test_a_marker_that_cannot_be_read_is_an_error(call: str) -> None:
    with pytest.raises(ValueError, match=r"^a\.py:1: "):
        list(catalogue.markers_in(f"x = pytest.mark.{call}", "a.py"))


def test_unknown_marker_ends_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(catalogue, "markers", lambda: [catalogue.Marker("lenet-6", "tests/a.py:3")])
    assert catalogue.main([]) == 2
    assert "tests/a.py:3: the catalogue has no row 'lenet-6'" in capsys.readouterr().err


def test_report_counts_what_is_proven(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = [catalogue.Marker(id, "tests/a.py:3") for id in ("mnist", "mnist", "one-hot-label", "relu")]
    monkeypatch.setattr(catalogue, "markers", lambda: found)
    assert catalogue.main(["--round", "engine", "--open"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "12 Applications and tasks 0 / 1",
        "13 Data sets, representations, preprocessing 2 / 3",
        "14 Pictures, plots, diagnostics 0 / 3",
        "all 2 / 7",
        "open in round engine: handwritten-digit-recognition, normalization-and-crops, training-curves, "
        "lenet-error-gallery, confusion-matrix",
    ]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("# 1 A\n\n| name | what |\n", "a table starts with a column 'id'"),
        ("| id | what |\n", "below a title"),
        ("# 1 A\n\n| id | what |\n|---|---|\n| relu | keeps | positives |\n", "expected an id and 1 more cells"),
        ("# 1 A\n\n| id | what |\n|---|---|\n| Re LU | keeps |\n", "expected an id and 1 more cells"),
    ],
)
def test_a_page_that_cannot_be_read_is_an_error(page: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(catalogue.parse(page))


def test_cells_are_read_as_they_are_shown() -> None:
    """Two formulas escape an underscore, which markdown would otherwise take for emphasis."""
    facts = {row.id: row.cells.get("facts that can be checked", "") for row in catalogue.rows()}
    assert "h'_t = tanh(W [x_t; r_t .* h_{t-1}]" in facts["gru"]
    assert not any("\\" in text for text in facts.values())
