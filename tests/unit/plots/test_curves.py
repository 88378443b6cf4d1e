import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurarium.plots.curves import best_index, overlay, series, training_curves

STEPS_PER_EPOCH = 50
TRAIN = [2.0, 1.1, 0.6, 0.3, 0.1, 0.05]
VALIDATION = [2.1, 1.3, 0.9, 0.8, 1.0, 1.4]
ROWS = [
    {"step": STEPS_PER_EPOCH * epoch, "split": split, "loss": loss, "accuracy": 1 / (1 + loss), "note": "as text"}
    for split, losses in (("train", TRAIN), ("validation", VALIDATION))
    for epoch, loss in enumerate(losses, start=1)
]


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


@pytest.mark.catalogue("training-curves")
def test_losses_by_epoch_with_the_mark_at_the_minimum_of_the_validation_loss(part) -> None:
    figure = training_curves(ROWS, steps_per_epoch=STEPS_PER_EPOCH)
    for split, losses in (("train", TRAIN), ("validation", VALIDATION)):
        np.testing.assert_array_equal(part(figure, split).get_xdata(), [1, 2, 3, 4, 5, 6])
        np.testing.assert_array_equal(part(figure, split).get_ydata(), losses)
    best_epoch = 1 + int(np.argmin(VALIDATION))
    assert (list(part(figure, "stop").get_xdata()), list(part(figure, "stop").get_ydata())) == ([best_epoch], [0.8])
    assert list(part(figure, "stop-line").get_xdata()) == [best_epoch, best_epoch]
    assert figure.axes[0].get_xlabel() == "epoch"
    assert legend(figure) == ["training", "validation", "minimum 0.8 at epoch 4"]


def test_without_epochs_the_axis_counts_steps_and_rows_need_no_order(part) -> None:
    figure = training_curves(ROWS[::-1])
    assert list(part(figure, "train").get_xdata()) == [50, 100, 150, 200, 250, 300]
    assert list(part(figure, "train").get_ydata()) == TRAIN
    assert list(part(figure, "stop").get_xdata()) == [200]
    assert figure.axes[0].get_xlabel() == "step"


def test_for_a_measure_that_rises_the_largest_is_marked(part) -> None:
    figure = training_curves(ROWS, measure="accuracy", best="max")
    assert list(part(figure, "stop").get_ydata()) == [1 / 1.8]
    assert legend(figure)[2] == "maximum 0.5556 at step 200"
    assert figure.axes[0].get_title("left") == "accuracy"


values = st.lists(st.floats(width=32), min_size=1, max_size=8).filter(lambda found: any(map(math.isfinite, found)))


@settings(max_examples=100, deadline=None)
@given(values)
def test_the_best_is_the_first_best_finite_value(found: list[float]) -> None:
    finite = [value for value in found if math.isfinite(value)]
    assert best_index(np.array(found), "min") == found.index(min(finite))
    assert best_index(np.array(found), "max") == found.index(max(finite))


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (ROWS, {"stop_mark": False}),
        (ROWS[:6], {}),  # no validation
        ([{"step": 1, "split": "validation", "loss": math.nan}], {}),
    ],
)
def test_nothing_is_marked_where_nothing_is_to_be_marked(rows, options) -> None:
    figure = training_curves(rows, **options)
    assert figure.findobj(lambda artist: artist.get_gid() in ("stop", "stop-line")) == []


def test_a_measure_that_was_not_logged_is_an_error_that_names_those_that_were() -> None:
    with pytest.raises(ValueError, match=r"has the measure 'f1'; choose .*logged: accuracy, loss, note"):
        training_curves(ROWS, measure="f1")
    with pytest.raises(ValueError, match="logged: none"):
        training_curves([])


def test_series_holds_numbers_only() -> None:
    rows = [{"step": 2, "split": "train", "loss": 1}, {"step": 1, "split": "train", "loss": True}, *ROWS[6:]]
    steps, found = series([*rows, {"step": 3, "split": "train", "loss": None}], "loss", "train")
    assert (steps.tolist(), found.tolist()) == ([2], [1.0])


def test_overlay_draws_one_curve_for_each_run_that_has_the_measure(part) -> None:
    figure = overlay({"first": ROWS, "second": ROWS[:9], "untested": ROWS[:6]})
    assert list(part(figure, "first").get_ydata()) == VALIDATION
    assert list(part(figure, "second").get_ydata()) == VALIDATION[:3]
    assert legend(figure) == ["first", "second"]


def test_runs_with_colours_in_common_differ_in_their_lines(part) -> None:
    figure = overlay({f"run {i}": ROWS for i in range(20)})
    looks = {(part(figure, f"run {i}").get_color(), part(figure, f"run {i}").get_linestyle()) for i in range(20)}
    assert len(looks) == 20


def test_overlay_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="None of the runs a, b has 'loss' of the split 'test'"):
        overlay({"a": ROWS, "b": ROWS}, split="test")


@pytest.mark.parametrize("width", [4.6, 6.4])
def test_title_and_legend_do_not_meet(width: float) -> None:
    figure = training_curves(ROWS, measure="accuracy", best="max")
    figure.set_size_inches(width, 3.4)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    (title,) = axes.findobj(lambda artist: getattr(artist, "get_text", str)() == "accuracy")
    assert not title.get_window_extent().overlaps(axes.get_legend().get_window_extent())


@pytest.mark.parametrize("num_runs", [1, 4, 5, 9])
def test_title_and_legend_of_many_runs_do_not_meet(num_runs: int) -> None:
    figure = overlay({f"run{i}": ROWS for i in range(num_runs)})
    figure.draw_without_rendering()
    axes = figure.axes[0]
    (title,) = axes.findobj(lambda artist: getattr(artist, "get_text", str)() == "validation loss")
    box = axes.get_legend().get_window_extent()
    assert not title.get_window_extent().overlaps(box)
    assert not axes.get_window_extent().overlaps(box)
