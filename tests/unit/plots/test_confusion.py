import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score
from sklearn.metrics import confusion_matrix as judge

from neurarium.plots import style
from neurarium.plots.confusion import confusion_matrix, count_confusions

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def cells(figure) -> dict[tuple[int, int], int]:
    """The numbers that are printed, by row and column."""
    found = figure.findobj(lambda artist: str(artist.get_gid()).startswith("cell-"))
    return {tuple(map(int, text.get_gid().split("-")[1:])): int(text.get_text()) for text in found}


@pytest.mark.catalogue("confusion-matrix")
@settings(max_examples=15, deadline=None)
@given(labels)
def test_counts_of_true_against_given_class_and_off_the_diagonal_the_errors(pairs: list[tuple[int, int]]) -> None:
    true, given_class = np.array(pairs).T
    figure = confusion_matrix(count_confusions(true, given_class, 5), list("abcde"))
    printed = cells(figure)
    expected = judge(true, given_class, labels=range(5))
    assert printed == {(i, j): expected[i, j] for i, j in np.ndindex(5, 5) if expected[i, j]}
    errors = len(pairs) - int(accuracy_score(true, given_class, normalize=False))
    assert sum(count for (i, j), count in printed.items() if i != j) == errors
    assert figure.axes[0].get_title("left") == f"{errors} errors of {len(pairs)} ({errors / len(pairs):.2%})"


def test_rows_are_true_classes_and_columns_given_ones() -> None:
    figure = confusion_matrix(count_confusions([0, 0, 1], [1, 1, 1], 2), ["cat", "dog"])
    axes = figure.axes[0]
    assert cells(figure) == {(0, 1): 2, (1, 1): 1}
    # A text is placed by x, y: the given class runs to the right, the true class down.
    (two,) = axes.findobj(lambda artist: artist.get_gid() == "cell-0-1")
    assert two.get_position() == (1, 0)
    assert axes.yaxis_inverted()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("given class", "true class")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]


def test_colours_are_shares_of_a_row_blue_where_right_orange_where_wrong(part) -> None:
    shares = part(confusion_matrix([[3, 1], [0, 0]], ["a", "b"]), "shares").get_array()
    blue, orange = (tuple(int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)) for name in style.COLOURS[:2])
    np.testing.assert_allclose(shares[0, 0], [*blue, 0.9 * 0.75])
    np.testing.assert_allclose(shares[0, 1], [*orange, 0.9 * 0.5])  # the root of a quarter
    assert shares[1, :, 3].tolist() == [0, 0]


def test_no_items_are_no_errors() -> None:
    figure = confusion_matrix(count_confusions([], [], 3), list("abc"))
    assert cells(figure) == {}
    assert figure.axes[0].get_title("left") == "0 errors of 0"


def test_many_classes_go_without_numbers() -> None:
    assert len(cells(confusion_matrix(np.ones((24, 24), dtype=int), ["x"] * 24))) == 24**2
    assert cells(confusion_matrix(np.ones((25, 25), dtype=int), ["x"] * 25)) == {}


def test_names_are_no_formulas() -> None:
    confusion_matrix([[1, 0], [0, 1]], ["$5", r"\frac$"]).draw_without_rendering()


@pytest.mark.parametrize(
    ("true", "given_class", "message"),
    [
        ([0, 1], [0, 3], r"given\[1\] is 3, expected a label from 0 to 2"),
        ([-1], [0], r"true\[0\] is -1, expected"),
        ([0.5], [0], "true must hold integer labels, received float64; take the argmax"),
        ([0, 1], [0], "one length, received 2 and 1"),
        ([[0]], [0], r"true must have shape \(any\), received \(1, 1\)"),
    ],
)
def test_what_is_no_label_is_refused(true, given_class, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_confusions(true, given_class, 3)


def test_counts_must_fit_the_names() -> None:
    with pytest.raises(ValueError, match=r"counts must have shape \(3, 3\), received \(2, 2\)"):
        confusion_matrix([[1, 0], [0, 1]], list("abc"))
