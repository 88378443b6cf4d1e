import pytest
import torch
from scipy import stats

from neurarium.nn.initialisers import lecun_normal_, lecun_uniform_


def test_lecun_uniform_is_uniform_within_its_bounds() -> None:
    torch.manual_seed(0)
    weight = lecun_uniform_(torch.empty(100, 100), fan_in=100)
    assert weight.abs().max() <= 0.024
    assert stats.kstest(weight.flatten().numpy(), stats.uniform(-0.024, 0.048).cdf).pvalue > 0.01


def test_lecun_normal_has_the_variance_of_one_over_fan_in() -> None:
    torch.manual_seed(0)
    weight = lecun_normal_(torch.empty(100, 100), fan_in=25)
    assert stats.kstest(weight.flatten().numpy(), stats.norm(0, 0.2).cdf).pvalue > 0.01


@pytest.mark.parametrize("initialise", [lecun_uniform_, lecun_normal_])
def test_initialisers_fill_parameters_in_place(initialise) -> None:
    parameter = torch.nn.Parameter(torch.zeros(3))
    assert initialise(parameter, fan_in=4) is parameter
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert (parameter != 0).all()


@pytest.mark.parametrize("initialise", [lecun_uniform_, lecun_normal_])
def test_initialisers_refuse_units_without_inputs(initialise) -> None:
    with pytest.raises(ValueError, match="at least 1; received 0"):
        initialise(torch.empty(1), fan_in=0)
