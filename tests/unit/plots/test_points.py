import numpy as np
import pytest
from matplotlib.colors import to_rgb

from neurarium.plots import style
from neurarium.plots.points import decision_regions, plane, sample_scatter, true_against_predicted

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)


def offsets(artist) -> np.ndarray:
    return np.asarray(artist.get_offsets())


def test_plane_surrounds_the_points_and_its_first_coordinate_runs_fastest() -> None:
    x, y, points = plane([[0.0, 10.0], [2.0, 30.0]], resolution=3, margin=0.5)
    assert (x.tolist(), y.tolist()) == ([-1, 1, 3], [0, 20, 40])
    assert points.tolist() == [[a, b] for b in y for a in x]


def test_plane_of_one_point_is_still_a_plane() -> None:
    x, y, _ = plane([[1.0, 2.0]], resolution=2)
    assert x[0] < 1 < x[1]
    assert y[0] < 2 < y[1]


def test_each_place_has_the_colour_of_the_class_that_is_given_there(part) -> None:
    x, y, points = plane(X, resolution=20)
    figure = decision_regions(X, Y, x, y, (points[:, 0] > 0).astype(int).reshape(20, 20), ["left", "right"])
    shades = np.asarray(part(figure, "regions").get_array())
    expected = np.array([to_rgb(style.colour(0)), to_rgb(style.colour(1))])[(x > 0).astype(int)]
    np.testing.assert_allclose(shades[..., :3], np.broadcast_to(expected, (20, 20, 3)))
    left, right, bottom, top = part(figure, "regions").get_extent()
    pixel = (x[1] - x[0]) / 2
    np.testing.assert_allclose([left + pixel, right - pixel], x[[0, -1]])  # pixels stand around their points
    assert part(figure, "regions").origin == "lower"
    assert bottom < y[0] < y[-1] < top
    for label in (0, 1):
        np.testing.assert_array_equal(offsets(part(figure, f"class-{label}")), X[label == Y])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["left", "right"]


def test_probabilities_are_shaded_with_their_border_at_one_half(part) -> None:
    x, y, points = plane(X, resolution=50)
    probability = 1 / (1 + np.exp(-4 * (points[:, 0] - 0.3))).reshape(50, 50)
    figure = decision_regions(X, Y, x, y, probability)
    strength = np.asarray(part(figure, "regions").get_array())[0, :, 3]
    np.testing.assert_allclose(strength, 0.04 + 0.7 * np.abs(probability[0] - 0.5))
    (contour,) = (found for found in figure.axes[0].collections if hasattr(found, "levels"))
    border = np.concatenate([path.vertices for path in contour.get_paths()])
    np.testing.assert_allclose(border[:, 0], 0.3, atol=1e-2)


def test_grid_must_fit_its_axes() -> None:
    with pytest.raises(ValueError, match=r"grid_predictions must have shape \(3, 2\), received \(2, 3\)"):
        decision_regions(X, Y, np.arange(2), np.arange(3), np.zeros((2, 3), int))


def test_samples_stand_beside_what_is_real(part) -> None:
    figure = sample_scatter(X, X[:10] + 1)
    np.testing.assert_array_equal(offsets(part(figure, "real")), X)
    np.testing.assert_array_equal(offsets(part(figure, "generated")), X[:10] + 1)
    with pytest.raises(ValueError, match=r"generated must have shape \(any, 2\), received \(30, 3\)"):
        sample_scatter(X, np.zeros((30, 3)))


def test_samples_on_a_line_are_histograms_over_the_same_bins(part) -> None:
    real, generated = np.linspace(0, 1, 100)[:, None], np.linspace(0.5, 2, 50)[:, None]
    figure = sample_scatter(real, generated)
    for name, numbers in (("real", real), ("generated", generated)):
        density, edges, _ = part(figure, name).get_data()
        assert (edges[0], edges[-1], len(edges)) == (0, 2, 61)
        assert (density * np.diff(edges)).sum() == pytest.approx(1)
        np.testing.assert_allclose(density * len(numbers) * np.diff(edges), np.histogram(numbers, edges)[0])


def test_predictions_stand_over_true_numbers_and_perfect_ones_on_the_diagonal(part) -> None:
    figure = true_against_predicted([1, 2, 3], [1.5, 2.0, 5.0])
    np.testing.assert_array_equal(offsets(part(figure, "predictions")), [[1, 1.5], [2, 2], [3, 5]])
    diagonal = part(figure, "diagonal")
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [1, 5]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("true", "predicted")
    with pytest.raises(ValueError, match=r"predicted must have shape \(3\), received \(3, 1\)"):
        true_against_predicted([1, 2, 3], [[1], [2], [3]])
