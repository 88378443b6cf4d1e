import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from neurarium.plots.confusion import confusion_matrix
from neurarium.plots.gallery import error_gallery
from neurarium.plots.points import sample_scatter
from neurarium.plots.report import inline_svg, write_report
from neurarium.plots.values import q_bars

EVIL = "<script>alert('1')</script>&\""
LOSSES = [2.0, 0.5, 0.75]
ROWS: list[dict[str, Any]] = [
    *({"step": 10 * i, "split": "train", "loss": 2.5 - i / 2, "seconds": 1.0} for i in range(1, 4)),
    *(
        {"step": 10 * i, "split": "validation", "loss": loss, "accuracy": 0.9 - loss / 10, "items": 270.0}
        for i, loss in enumerate(LOSSES, start=1)
    ),
    {"step": 20, "split": "test", "loss": 0.0625, "accuracy": 0.98761, "items": 10000.0},
]


class Page(HTMLParser):
    """What a browser makes of a page: its elements, their attributes, and the texts that are shown."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.texts.append(data.strip())

    def values(self, *names: str) -> Iterator[str]:
        return (attributes[name] or "" for _, attributes in self.elements for name in names if name in attributes)

    def count(self, tag: str) -> int:
        return sum(tag == found for found, _ in self.elements)


def figures() -> dict[str, Figure]:
    images = np.random.default_rng(0).integers(0, 256, size=(4, 8, 8), dtype=np.uint8)
    return {
        "confusion_matrix": confusion_matrix([[2, 1], [1, 0]], [EVIL, "--> -- b"]),
        "errors": error_gallery(images, [0, 1, 0, 1], [1, 0, 1, 1], [EVIL, "b"]),
        "values": q_bars([[1.0]], [[1.0]]),
    }


def write(path: Path, **changes: Any) -> str:
    whole: dict[str, Any] = {
        "title": "lenet5-001",
        "facts": {"Parameters": "61,706"},
        "rows": ROWS,
        "figures": figures(),
        "settings": {"batch_size": 128, "until": None, "augment": True, "lr": 3e-4, "widths": (6, 16)},
        "environment": {"versions": {"torch": "2.11", "numpy": "2.4"}},
        "commands": ["neurarium resume runs/lenet5-001", "neurarium evaluate runs/lenet5-001"],
        "measure": "accuracy",
        "best": "max",
    }
    write_report(path, **{**whole, **changes})
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("report") / "report.html")


def test_nothing_outside_the_file_is_asked_for(text: str) -> None:
    page = Page(text)
    assert page.open == []
    assert page.count("script") == page.count("iframe") == page.count("object") == 0
    assert list(page.values("href", "xlink:href", "src"))
    for address in page.values("href", "xlink:href", "src", "srcset", "data", "action"):
        assert address.startswith(("#", "data:")), address
    assert re.findall(r"url\((?!#)|@import", text) == []
    assert "//" not in re.sub(r"data:[^\"]*", "", text)
    policy = dict(page.elements[[tag for tag, _ in page.elements].index("meta") + 1][1])
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_headline_is_the_measure_in_the_last_test_row(text: str, tmp_path: Path) -> None:
    texts = Page(text).texts
    at = texts.index("Accuracy on the test split")
    assert texts[at + 1 : at + 3] == ["0.9876", "loss 0.0625, 10,000 items, weights of step 20"]
    rows = [*ROWS, {"step": 30, "split": "test", "accuracy": 0.5}]
    again = Page(write(tmp_path / "report.html", rows=rows, figures={})).texts
    assert again[again.index("Accuracy on the test split") + 1] == "0.5"


def test_before_the_test_the_best_validation_row_stands_in(tmp_path: Path) -> None:
    texts = Page(write(tmp_path / "report.html", rows=ROWS[5::-1], figures={})).texts
    at = texts.index("Accuracy on the validation split, not tested yet")
    assert texts[at + 1 : at + 3] == ["0.85", "loss 0.5, 270 items, weights of step 20"]
    for rows in (ROWS[:3], []):
        text = write(tmp_path / "report.html", rows=rows, figures={})
        assert "No score yet: nothing was evaluated." in Page(text).texts


def test_every_part_is_there(text: str) -> None:
    texts = Page(text).texts
    pairs = dict(pairwise(texts))
    assert pairs["Parameters"] == "61,706"
    assert [pairs[name] for name in ("Batch size", "Until", "Augment", "Lr", "Widths")] == [
        "128", "-", "yes", "0.0003", "6, 16",
    ]  # fmt: skip
    assert pairs["Versions"] == "torch 2.11, numpy 2.4"
    assert texts[-2:] == ["neurarium resume runs/lenet5-001", "neurarium evaluate runs/lenet5-001"]
    assert {"Confusion matrix", "Errors", "Values"} < set(texts)


def test_table_holds_the_evaluations_and_not_what_was_logged_in_between(text: str) -> None:
    page = Page(text)
    texts = page.texts
    at = texts.index("Evaluations")
    assert texts[at + 1 : at + 6] == ["Step", "Split", "Loss", "Accuracy", "Items"]
    assert texts[at + 6 : at + 11] == ["10", "validation", "2", "0.7", "270"]
    assert texts[at + 21 : at + 26] == ["20", "test", "0.0625", "0.9876", "10,000"]
    assert page.count("tr") == 1 + 3 + 1
    assert [attributes for tag, attributes in page.elements if tag == "tr"].count({"class": "test"}) == 1


def drawn(text: str) -> list[str | None]:
    return [attributes.get("aria-label") for tag, attributes in Page(text).elements if tag == "svg"]


def test_curves_are_those_of_the_loss_and_of_the_measure(text: str, tmp_path: Path) -> None:
    assert drawn(text) == ["loss", "accuracy", "Confusion matrix", "Errors", "Values"]
    assert drawn(write(tmp_path / "a.html", figures={}, measure="loss", best="min")) == ["loss"]
    players = [{"step": 1, "split": "train", "critic_loss": 1.0, "generator_loss": 1.0}]
    assert drawn(write(tmp_path / "b.html", rows=players, figures={})) == ["critic_loss", "generator_loss"]
    judged = [{"step": i, "split": "test", "q_error": 1 / i, "items": 7} for i in (1, 2)]
    assert drawn(write(tmp_path / "c.html", rows=judged, figures={}, measure="q_error", best="min")) == ["q_error"]
    assert drawn(write(tmp_path / "d.html", rows=judged[1:], figures={}, measure="q_error", best="min")) == []


def test_a_best_value_is_marked_on_the_validation_curve_and_never_on_the_test_curve(tmp_path: Path) -> None:
    for split, lines in (("validation", 1), ("test", 0)):
        rows = [{"step": i, "split": split, "error": 1 / i, "items": 7} for i in (1, 2)]
        text = write(tmp_path / "report.html", rows=rows, figures={}, measure="error", best="min")
        assert text.count("stroke-dasharray") == lines  # the dashed line at the mark


def test_every_text_is_escaped(tmp_path: Path) -> None:
    row = {"step": 1, "split": "test", EVIL: 1.0, "accuracy": EVIL}
    text = write(
        tmp_path / "report.html",
        title=EVIL,
        facts={EVIL: EVIL},
        rows=[row],
        figures={EVIL: figures()["confusion_matrix"]},
        settings={EVIL: {EVIL: [EVIL]}},
        environment={EVIL: EVIL},
        commands=[EVIL],
    )
    page = Page(text)
    assert page.open == []
    assert page.count("script") == 0
    # Name and value of a fact, a setting and the environment, the title twice, the table's head and cell, the score,
    # the other measure, the caption and the command.
    assert sum(EVIL.lower() in shown.lower() for shown in page.texts) == 6 + 2 + 2 + 1 + 1 + 1 + 1
    assert "<script" not in text


def test_class_names_reach_the_page_as_drawn_letters_only(text: str) -> None:
    assert "script" not in text
    assert "alert" not in text


def test_figures_take_the_colours_of_the_page_and_share_no_name(text: str) -> None:
    page = Page(text)
    body = text[text.index("<body>") :]
    assert "#fefefe" not in body
    assert "#1f2328" not in body
    assert {"var(--paper)", "var(--ink)", "var(--muted)", "var(--line)"} <= set(re.findall(r"var\(--\w+\)", body))
    assert "prefers-color-scheme: dark" in text
    names = list(page.values("id"))
    assert len(set(names)) == len(names) > 0
    referred = {name[1:] for name in page.values("href", "xlink:href") if name.startswith("#")}
    referred |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert referred
    assert referred <= set(names)


def test_the_same_run_gives_the_same_page(text: str, tmp_path: Path) -> None:
    assert write(tmp_path / "report.html") == text
    figure = figures()["values"]
    assert inline_svg(figure, "a", "p") == inline_svg(figure, "a", "p")


def test_thousands_of_points_are_sent_as_pixels(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(3000, 2))
    text = write(tmp_path / "report.html", figures={"samples": sample_scatter(points, points)}, rows=[])
    (image,) = (attributes for tag, attributes in Page(text).elements if tag == "img")
    assert image["alt"] == "Samples"
    assert str(image["src"]).startswith("data:image/png;base64,iVBORw0KGgo")
    assert len(text) < 600_000


def test_writing_over_an_older_report_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("x" * 10_000_000, encoding="utf-8")
    assert write(path, figures={}).endswith("</html>\n")


def test_figures_shrink_on_a_phone_as_far_as_they_can_be_read(text: str) -> None:
    figure = figures()["values"]
    inches = figure.get_size_inches()[0]
    (svg,) = (a for tag, a in Page(inline_svg(figure, "a", "p")).elements if tag == "svg")
    assert svg["width"] == f"{96 * inches:.0f}"
    assert svg["style"] == f"min-width: {96 * inches * 0.62:.0f}px"
    assert "width=device-width, initial-scale=1" in Page(text).values("content")
    assert re.search(r"\.picture \{ overflow-x: auto \}", text)
