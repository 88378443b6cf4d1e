import numpy as np
import pytest
import torch
from torch.nn import functional as F

from neurarium.nn.pooling import Subsampling


def random_subsampling(num_maps: int, kernel_size: int) -> Subsampling:
    layer = Subsampling(num_maps=num_maps, kernel_size=kernel_size).double()
    with torch.no_grad():
        layer.coefficient.normal_()
        layer.bias.normal_()
    return layer


@pytest.mark.parametrize("shape", [(2, 3, 8, 6), (1, 1, 2, 2), (2, 3, 7, 5)])
def test_subsampling_is_the_sum_of_each_window_scaled_and_shifted(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = random_subsampling(shape[1], 2)
    x = torch.randn(shape, dtype=torch.float64)
    y = layer(x).detach().numpy()
    coefficient, bias = layer.coefficient.detach().numpy(), layer.bias.detach().numpy()
    assert y.shape == (shape[0], shape[1], shape[2] // 2, shape[3] // 2)
    for b, c, r, s in np.ndindex(*y.shape):
        window = x[b, c, 2 * r : 2 * r + 2, 2 * s : 2 * s + 2].sum().item()
        assert y[b, c, r, s] == pytest.approx(coefficient[c] * window + bias[c], rel=1e-12)


def test_subsampling_equals_average_pooling_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    layer = random_subsampling(3, 2)
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    ours = layer(x)
    theirs = F.avg_pool2d(x, 2) * 4 * layer.coefficient.view(3, 1, 1) + layer.bias.view(3, 1, 1)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(ours)
    wanted = (x, layer.coefficient, layer.bias)
    ours_gradients = torch.autograd.grad((ours * weights).sum(), wanted)
    theirs_gradients = torch.autograd.grad((theirs * weights).sum(), wanted)
    torch.testing.assert_close(ours_gradients, theirs_gradients)


def test_subsampling_equals_a_grouped_convolution_with_tied_weights() -> None:
    torch.manual_seed(0)
    layer = random_subsampling(3, 3)
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    kernel = layer.coefficient.view(3, 1, 1, 1).expand(3, 1, 3, 3)
    torch.testing.assert_close(layer(x), F.conv2d(x, kernel, layer.bias, stride=3, groups=3))


def test_subsampling_starts_as_average_pooling() -> None:
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(Subsampling(num_maps=3)(x), F.avg_pool2d(x, 2))


def test_subsampling_has_two_parameters_a_map() -> None:
    assert sum(p.numel() for p in Subsampling(num_maps=16).parameters()) == 32


def test_subsampling_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="received 0 and 2"):
        Subsampling(num_maps=0)
