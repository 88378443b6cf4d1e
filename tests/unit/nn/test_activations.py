import numpy as np
import pytest
import torch

from neurarium.nn.activations import ScaledTanh


def test_scaled_tanh_is_its_formula_and_has_its_derivative() -> None:
    a = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    y = ScaledTanh()(a)
    y.sum().backward()
    x = a.detach().numpy()
    np.testing.assert_allclose(y.detach().numpy(), 1.7159 * np.tanh(2 / 3 * x), rtol=1e-14)
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.numpy(), 1.7159 * 2 / 3 / np.cosh(2 / 3 * x) ** 2, rtol=1e-12)


def test_scaled_tanh_maps_plus_minus_one_to_itself() -> None:
    ones = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(ScaledTanh()(ones), ones, rtol=0, atol=1e-4)


def test_scaled_tanh_bends_most_near_plus_minus_one() -> None:
    a = torch.linspace(0, 5, 5001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ScaledTanh()(a).sum(), a, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), a)
    assert a[curvature.abs().argmax()].item() == pytest.approx(0.988, abs=1e-3)
