"""The checker itself, and with it every derivative of the library."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import neurarium.losses
import neurarium.nn
from neurarium.explain.gradient_check import gradient_check
from neurarium.losses import (
    adversarial,
    classification,
    code_penalties,
    elbo,
    hinge,
    items,
    likelihood,
    penalties,
    regression,
    segmentation,
    value,
    vector_quantisation,
)
from neurarium.networks.char_convnet import CharConvNet
from neurarium.networks.lenet import LeNet5, LeNet5_1998
from neurarium.networks.linear import LinearModel
from neurarium.networks.mlp import MLP
from neurarium.networks.q_network import QNetwork
from neurarium.networks.recurrent import SequenceClassifier
from neurarium.networks.ring_gan import RingDiscriminator, RingGenerator
from neurarium.networks.signal_convnet import SignalConvNet
from neurarium.networks.small_convnet import SmallConvNet
from neurarium.networks.text_convnet import TextConvNet
from neurarium.networks.unet import UNet
from neurarium.nn.activations import Maxout, ScaledLinear, ScaledTanh, Step
from neurarium.nn.bayesian import BayesianLinear, KeptDropout
from neurarium.nn.convolution import SparseConv2d, WholeMapConv2d
from neurarium.nn.dropout import Dropout
from neurarium.nn.equalised import EqualisedConv2d, EqualisedLinear, PixelNorm
from neurarium.nn.inputs import GreyInput, ImageInput, SignalInput, VectorInput
from neurarium.nn.minibatch_discrimination import MinibatchDeviation, MinibatchDiscrimination
from neurarium.nn.normalization import LocalResponseNorm
from neurarium.nn.one_hot import OneHotConv1d
from neurarium.nn.pooling import BedOfNails, MinPool2d, StridedSubsampling, Subsampling
from neurarium.nn.rbf import RBFOutput
from neurarium.nn.rbm import RBM
from neurarium.nn.residual import Residual
from neurarium.nn.sparse import SparseLinear
from neurarium.nn.spectral_norm import SpectralConv2d, SpectralLinear
from neurarium.nn.tied import TiedLinear

TOLERANCE = 1e-6


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(math.prod(shape)), dtype=torch.float64)


def eighths(*shape: int) -> Tensor:
    """Numbers that single precision holds exactly, for layers that turn everything into it."""
    return torch.randint(0, 8, shape, generator=torch.Generator().manual_seed(0)) / 8


CLASSES, TARGETS, SIGNS = torch.tensor([2, 0, 1, 1]), torch.tensor([0.0, 1.0, 0.3, 1.0]), torch.tensor([1.0, -1, -1, 1])
MASKS, WEIGHTS = [[[0, 1], [2, 255]], [[1, 1], [0, 2]]], normal(2, 2, 2).square()
CONNECTIONS = [[True, False], [True, True], [False, True]]


def uneven(network: nn.Module) -> nn.Module:
    """With biases that are not 0: a unit behind dead ones would stand on the kink of its ReLU."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, 0.1, 0.3)
    return network


Case = tuple[Callable[[], Callable[..., Tensor]], tuple[Any, ...]]

LAYERS: dict[Any, list[Case]] = {
    BayesianLinear: [(partial(BayesianLinear, 3, 2, scale=0.4), (normal(4, 3),))],
    Dropout: [(partial(Dropout, 0.5), (normal(4, 5),))],
    EqualisedConv2d: [(partial(EqualisedConv2d, 2, 3, 2), (normal(2, 2, 3, 3),))],
    EqualisedLinear: [(partial(EqualisedLinear, 3, 2), (normal(4, 3),))],
    LocalResponseNorm: [(partial(LocalResponseNorm, 3, alpha=0.3), (normal(2, 4, 2, 3),))],
    KeptDropout: [(partial(KeptDropout, 4, p=0.5), (normal(3, 4),))],
    OneHotConv1d: [(partial(OneHotConv1d, 4, 3, 2), (torch.tensor([[0, 4, 1, 2], [3, 3, 0, 1]]),))],
    RBM: [(partial(RBM, num_visible=3, num_hidden=2, scale=0.7), (normal(4, 3),))],
    Residual: [
        (lambda: Residual(nn.Linear(3, 3)), (normal(4, 3),)),
        (lambda: Residual(nn.Linear(3, 2), projection=nn.Linear(3, 2, bias=False)), (normal(4, 3),)),
    ],
    ScaledLinear: [(partial(ScaledLinear, factor=0.3), (normal(3, 4),))],
    ScaledTanh: [(ScaledTanh, (normal(3, 4),))],
    SparseLinear: [(partial(SparseLinear, 4, 3, density=0.5), (normal(5, 4),))],
    SparseConv2d: [(partial(SparseConv2d, connections=CONNECTIONS, kernel_size=2), (normal(2, 2, 4, 3),))],
    TiedLinear: [(lambda: TiedLinear(nn.Linear(3, 4)), (normal(2, 4),))],
    WholeMapConv2d: [
        (partial(WholeMapConv2d, 2, 3, kernel_size=3), (normal(2, 2, 3, 3),)),
        (partial(WholeMapConv2d, 2, 3, kernel_size=3), (normal(2, 2, 4, 5),)),
    ],
    BedOfNails: [(BedOfNails, (normal(2, 2, 3, 2),))],
    Maxout: [(partial(Maxout, pieces=3), (normal(4, 6),))],
    MinibatchDeviation: [(MinibatchDeviation, (normal(3, 2, 2, 2),))],
    MinibatchDiscrimination: [
        (partial(MinibatchDiscrimination, 3, num_kernels=2, kernel_size=2), (normal(4, 3),)),
    ],
    MinPool2d: [(partial(MinPool2d, 2), (normal(2, 2, 4, 5),))],
    PixelNorm: [(PixelNorm, (normal(2, 3, 2, 2),))],
    StridedSubsampling: [(StridedSubsampling, (normal(2, 2, 4, 5),))],
    # In evaluation the singular vectors stay; in training they are constants to the gradient, but move.
    SpectralConv2d: [(lambda: SpectralConv2d(2, 3, 2).eval(), (normal(2, 2, 3, 3),))],
    SpectralLinear: [(lambda: SpectralLinear(4, 3).eval(), (normal(5, 4),))],
    Subsampling: [(partial(Subsampling, num_maps=2), (normal(2, 2, 4, 5),))],
    RBFOutput: [(partial(RBFOutput, prototypes=normal(3, 4)), (normal(2, 4),))],
}
# They turn everything into single precision: with numbers and steps that it holds exactly, so are the differences.
IN_SINGLE_PRECISION: dict[Any, list[Case]] = {
    GreyInput: [
        (
            lambda: GreyInput(ImageInput(channels=1, size=(3, 3), mean=[0.0], std=[1.0])),
            (eighths(2, 1, 3, 3) / 2 + 0.25,),
        )
    ],
    ImageInput: [
        (partial(ImageInput, channels=2, size=(5, 5), mean=[0.5, 0.25], std=[0.5, 0.25]), (eighths(2, 2, 3, 3),))
    ],
    SignalInput: [(partial(SignalInput, mean=[0.5, 0.25], std=[0.5, 2.0]), (eighths(2, 2, 3),))],
    VectorInput: [(partial(VectorInput, mean=[0.5, 0.0, 0.25], std=[0.5, 1.0, 0.25]), (eighths(2, 3),))],
}
NETWORKS: dict[Any, list[Case]] = {
    CharConvNet: [
        (
            lambda: uneven(CharConvNet(num_classes=2, length=123, alphabet=4, maps=4, hidden=6, deviation=0.5)),
            (torch.randint(0, 5, (2, 123), generator=torch.Generator().manual_seed(0)),),
        )
    ],
    LeNet5: [(LeNet5, (normal(1, 1, 32, 32),))],
    LeNet5_1998: [(LeNet5_1998, (normal(1, 1, 32, 32),))],
    LinearModel: [(partial(LinearModel, in_features=3, out_features=2, zero_init=False), (normal(4, 3),))],
    MLP: [
        (
            partial(MLP, in_features=3, hidden=(4, 3), out_features=2, activation=activation, dropout=dropout),
            (normal(4, 3),),
        )
        for activation, dropout in ((nn.ReLU, 0.0), (nn.Sigmoid, 0.0), (nn.Tanh, 0.5), (nn.Softplus, 0.0))
    ],
    QNetwork: [(partial(QNetwork, observation_size=4, num_actions=2, hidden=(5, 4)), (normal(3, 4),))],
    RingGenerator: [(partial(RingGenerator, latent_size=4, hidden=(5,)), (normal(3, 4),))],
    RingDiscriminator: [(partial(RingDiscriminator, hidden=(5, 4)), (normal(3, 2),))],
    SignalConvNet: [
        (partial(SignalConvNet, in_channels=2, num_classes=3, filters=(3, 4), kernel_sizes=(4, 3)), (normal(3, 2, 7),))
    ],
    TextConvNet: [
        (
            partial(TextConvNet, vocabulary_size=5, num_classes=2, embedding_size=3, kernel_sizes=(1, 3), filters=4),
            (torch.tensor([[4, 1, 2, 4], [3, 1, 1, 2]]),),
        )
    ],
    SmallConvNet: [
        (partial(SmallConvNet, num_classes=3, size=(10, 10), filters=(2, 3), hidden=4), (normal(2, 1, 10, 10),)),
    ],
    UNet: [
        (partial(UNet, channels=(2, 3), padding="same", dropout=0.0), (normal(2, 1, 4, 4),)),
        (partial(UNet, channels=(2, 3, 3), padding="valid"), (normal(1, 1, 44, 44),)),
    ],
    SequenceClassifier: [
        (
            partial(SequenceClassifier, vocabulary_size=3, hidden_size=4, num_classes=2, cell=cell),
            (torch.tensor([[0, 1, 2, 1], [2, 2, 0, 0]]), torch.tensor([4, 2])),
        )
        for cell in (nn.RNN, nn.LSTM, nn.GRU)
    ],
}


def loss(function: Callable[..., Tensor], *inputs: Any, **settings: Any) -> Case:
    return (lambda: partial(function, **settings)), inputs


LOSSES: dict[Any, list[Case]] = {
    adversarial.minimax_discriminator_loss: [loss(adversarial.minimax_discriminator_loss, normal(5), normal(5) * 2)],
    adversarial.interpolated_gradient_penalty: [loss(adversarial.interpolated_gradient_penalty, normal(4, 3, 2))],
    adversarial.feature_matching_loss: [loss(adversarial.feature_matching_loss, normal(4, 3, 2), normal(5, 3, 2))],
    adversarial.pulling_away_loss: [loss(adversarial.pulling_away_loss, normal(4, 3))],
    items.sum_per_item: [loss(items.sum_per_item, normal(3, 2))],
    adversarial.saturating_generator_loss: [loss(adversarial.saturating_generator_loss, normal(5))],
    adversarial.non_saturating_generator_loss: [loss(adversarial.non_saturating_generator_loss, normal(5))],
    classification.cross_entropy: [
        loss(classification.cross_entropy, normal(4, 3), CLASSES, label_smoothing=smoothing) for smoothing in (0.0, 0.1)
    ],
    classification.binary_cross_entropy_with_logits: [
        loss(classification.binary_cross_entropy_with_logits, normal(4), TARGETS.bool()),
        loss(classification.binary_cross_entropy_with_logits, normal(4), TARGETS),
    ],
    classification.perceptron_criterion: [loss(classification.perceptron_criterion, normal(4), SIGNS)],
    classification.lecun_map_loss: [loss(classification.lecun_map_loss, normal(4, 3).square(), CLASSES, j=1.0)],
    code_penalties.absolute_activity: [loss(code_penalties.absolute_activity, normal(4, 3))],
    code_penalties.kl_sparsity: [loss(code_penalties.kl_sparsity, normal(4, 3).sigmoid(), target=0.1)],
    code_penalties.jacobian_norm: [
        (
            lambda: lambda x, w: code_penalties.jacobian_norm(lambda v: torch.tanh(v @ w), x),
            (normal(4, 3), normal(3, 2)),
        )
    ],
    code_penalties.sigmoid_jacobian_norm: [
        loss(code_penalties.sigmoid_jacobian_norm, normal(4, 3).sigmoid(), normal(3, 5))
    ],
    elbo.gaussian_kl: [loss(elbo.gaussian_kl, normal(4, 3), normal(4, 3) / 2)],
    elbo.importance_weighted_bound: [loss(elbo.importance_weighted_bound, normal(4, 3))],
    hinge.hinge: [loss(hinge.hinge, normal(4, 3), SIGNS[:, None] * SIGNS[:3])],
    likelihood.gaussian_nll: [loss(likelihood.gaussian_nll, normal(5), normal(5) + 1, normal(5) / 2)],
    likelihood.mixture_density_nll: [
        loss(likelihood.mixture_density_nll, normal(4, 3), normal(4, 3) * 2, normal(4, 3) / 2, normal(4))
    ],
    penalties.l2_penalty: [(lambda: lambda *p: penalties.l2_penalty(p), (normal(3, 2), normal(4)))],
    penalties.l1_penalty: [(lambda: lambda *p: penalties.l1_penalty(p), (normal(3, 2), normal(4)))],
    penalties.orthogonality_penalty: [
        (lambda: lambda *p: penalties.orthogonality_penalty(p), (normal(3, 2), normal(2, 2, 2)))
    ],
    regression.squared_error: [loss(regression.squared_error, normal(4, 3), normal(4, 3) + 1)],
    regression.huber: [loss(regression.huber, normal(4, 3), normal(4, 3) * 3, delta=0.8)],
    segmentation.weighted_pixel_loss: [
        loss(segmentation.weighted_pixel_loss, normal(2, 3, 2, 2), torch.tensor(MASKS), WEIGHTS),
    ],
    value.squared_td_error: [loss(value.squared_td_error, normal(4, 3), CLASSES, normal(4))],
    value.huber_td_error: [loss(value.huber_td_error, normal(4, 3), CLASSES, normal(4) * 3, delta=0.8)],
}
WITHOUT_DERIVATIVE = {
    Step: "its derivative is 0 wherever there is one",
    value.q_learning_target: "a target is a constant, as in the paper",
    items.check_shapes: "it returns nothing",
    vector_quantisation.vector_quantisation_loss: "its stopped gradients are its point",
}
ALL = {**LAYERS, **NETWORKS, **LOSSES}


def public(package: ModuleType) -> Iterator[Any]:
    """The layers of neurarium.nn, the functions of neurarium.losses."""
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(found.name)
        for name, thing in vars(module).items():
            mine = getattr(thing, "__module__", None) == module.__name__ and not name.startswith("_")
            layer = inspect.isclass(thing) and issubclass(thing, nn.Module)
            if mine and (layer if package is neurarium.nn else inspect.isfunction(thing)):
                yield thing


@pytest.mark.catalogue("gradient-check")
@pytest.mark.parametrize("package", [neurarium.nn, neurarium.losses], ids=lambda package: package.__name__)
def test_every_layer_and_loss_is_checked_here(package: ModuleType) -> None:
    known = {*LAYERS, *IN_SINGLE_PRECISION, *LOSSES, *WITHOUT_DERIVATIVE}
    missing = [thing.__name__ for thing in public(package) if thing not in known]
    assert missing == [], "give each a line in the tables above"


def cases(table: dict[Any, list[Case]]) -> list[Any]:
    return [
        pytest.param(*case, id=f"{thing.__name__}-{number}")
        for thing, several in table.items()
        for number, case in enumerate(several)
    ]


@pytest.mark.catalogue("gradient-check")
@pytest.mark.parametrize(("build", "inputs"), cases(ALL))
def test_every_derivative_of_the_library(build: Callable[[], Callable[..., Tensor]], inputs: tuple[Any, ...]) -> None:
    torch.manual_seed(0)
    found = gradient_check(build(), *inputs, most=40)
    assert found.error < TOLERANCE, found


@pytest.mark.parametrize(("build", "inputs"), cases(IN_SINGLE_PRECISION))
def test_inputs_in_single_precision(build: Callable[[], Callable[..., Tensor]], inputs: tuple[Any, ...]) -> None:
    found = gradient_check(build(), *inputs, step=0.25)
    assert found.error < TOLERANCE, found


@pytest.mark.catalogue("gradient-check")
@pytest.mark.parametrize(("build", "inputs"), cases({**LAYERS, **LOSSES}))
def test_torchs_own_check_agrees(build: Callable[[], Callable[..., Tensor]], inputs: tuple[Any, ...]) -> None:
    function = build()
    if isinstance(function, nn.Module):
        function = function.double()
    doubles = [x.double().requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    whole_numbers = not any(isinstance(x, Tensor) and x.is_floating_point() for x in inputs)
    # Behind whole numbers only parameters have derivatives; they are changed where they lie.
    parameters = list(function.parameters()) if whole_numbers and isinstance(function, nn.Module) else []

    def with_one_draw(*given: Any) -> Tensor:
        torch.manual_seed(0)
        return function(*given[: len(inputs)])

    assert torch.autograd.gradcheck(with_one_draw, [*doubles, *parameters])


class Wrong(torch.autograd.Function):
    """x^3 whose derivative is right but for one entry."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope = 3 * x**2
        slope[1, 2] *= 1 + 1e-4
        return gradients[0] * slope


def test_a_wrong_derivative_is_found_and_its_place_named() -> None:
    x = normal(2, 3) + 1
    found = gradient_check(Wrong.apply, x)
    assert found.where == "input 0[1, 2]"
    assert found.error == pytest.approx(1e-4, rel=1e-2)
    assert gradient_check(lambda x: x**3, x).error < TOLERANCE


class Detached(nn.Module):
    """Two layers with a way past the second of which autograd does not hear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.second(y) + y.detach()


def test_a_forgotten_way_is_found_in_the_parameters_before_it() -> None:
    torch.manual_seed(0)
    module = Detached()
    before = {name: p.clone() for name, p in module.named_parameters()}
    found = gradient_check(module, normal(3, 2))
    assert found.error > 0.1
    assert found.where.startswith(("first.", "input 0"))
    assert found.num_checked == 6 + 6 + 6
    for name, p in module.named_parameters():
        assert p.dtype == torch.float32
        assert torch.equal(p, before[name])  # a copy was checked


def test_gradient_that_is_no_number_is_the_largest_error() -> None:
    found = gradient_check(lambda x: torch.where(x > 0, x.sqrt(), 0.0), torch.tensor([1.0, -1.0]))
    assert math.isnan(found.error)
    assert found.where == "input 0[1]"


def test_dropout_is_checked_with_one_mask_and_the_generator_stays_where_it_is() -> None:
    state = torch.get_rng_state()
    assert gradient_check(nn.Dropout(0.5), normal(4, 5)).error < 1e-9
    assert torch.equal(state, torch.get_rng_state())


def test_of_large_tensors_some_derivatives_are_drawn() -> None:
    found = gradient_check(F.linear, normal(2, 30), normal(3, 30), most=20)
    assert (found.num_checked, found.error < 1e-8) == (40, True)


def test_without_anything_to_differentiate_it_says_so() -> None:
    for function, given in ((lambda x: x.double(), torch.tensor([1])), (torch.detach, torch.ones(2))):
        with pytest.raises(ValueError, match="no derivative to check"):
            gradient_check(function, given)
