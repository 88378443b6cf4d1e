"""Dense and convolutional autoencoders: shapes, counts, tied weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurarium.networks.autoencoder import DenseAutoencoder
from neurarium.networks.conv_autoencoder import ConvAutoencoder
from neurarium.nn.summary import summarise
from neurarium.nn.tied import TiedLinear


@pytest.mark.catalogue("autoencoder", "undercomplete-autoencoder")
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), st.integers(1, 9), st.booleans())
def test_dense_goes_from_n_numbers_to_k_and_back(C: int, H: int, W: int, k: int, tied: bool) -> None:
    network = DenseAutoencoder(shape=(C, H, W), hidden=(5,), code_size=k, tied=tied)
    x = torch.rand(3, C, H, W)
    code = network.encode(x)
    assert code.shape == (3, k)
    assert network.decode(code).shape == x.shape
    assert torch.equal(network(x), network.decode(code))
    n = C * H * W
    ways_in, biases_out = (n + 1) * 5 + (5 + 1) * k, 5 + n
    own = biases_out if tied else biases_out + 5 * k + n * 5
    assert sum(p.numel() for p in network.parameters()) == ways_in + own


@pytest.mark.catalogue("autoencoder")
def test_dense_computes_g_of_f() -> None:
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=(4,), hidden=(), code_size=2, code_activation=nn.Sigmoid)
    W, b, V, c = (p.detach().numpy() for p in network.parameters())
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    h = 1 / (1 + np.exp(-(x @ W.T + b)))
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach(), h @ V.T + c, atol=1e-6)


def test_tied_weights_are_one_tensor_and_both_ways_teach_it() -> None:
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=(4,), hidden=(3,), code_size=2, activation=nn.Tanh, tied=True)
    tied = [layer for layer in network.modules() if isinstance(layer, TiedLinear)]
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert [layer.weight is other.weight for layer, other in zip(tied, linear[::-1], strict=True)] == [True, True]
    x = torch.rand(5, 4)
    network(x).square().sum().backward()
    found = linear[1].weight.grad
    # The same with a copy for each way: their gradients add up.
    first, last = linear[0].weight.detach(), linear[1].weight.detach()
    to_code, from_code = last.clone().requires_grad_(), last.clone().requires_grad_()
    h = torch.tanh(x @ first.T + linear[0].bias.detach()) @ to_code.T + linear[1].bias.detach()
    out = torch.tanh(h @ from_code + tied[0].bias.detach()) @ first + tied[1].bias.detach()
    out.square().sum().backward()
    assert to_code.grad is not None
    assert from_code.grad is not None
    torch.testing.assert_close(found, to_code.grad + from_code.grad)
    total = summarise(network, x)[-1]
    assert total.multiply_adds == 2 * (4 * 3 + 3 * 2)
    assert total.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.catalogue("convolutional-autoencoder", "autoencoder")
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 37), st.integers(1, 37), st.integers(1, 4), st.sampled_from([0, 3]))
def test_output_is_as_large_as_the_input(H: int, W: int, depth: int, code_size: int) -> None:
    network = ConvAutoencoder(size=(H, W), in_channels=1, channels=(2,) * depth, out_channels=3, code_size=code_size)
    x = torch.rand(2, 1, H, W)
    code = network.encode(x)
    assert network(x).shape == network.decode(code).shape == network.decode(code.flatten(1)).shape == (2, 3, H, W)
    torch.testing.assert_close(network(x), network.decode(code.flatten(1)))


@pytest.mark.catalogue("convolutional-autoencoder")
def test_maps_as_code_take_images_of_other_sizes() -> None:
    network = ConvAutoencoder(size=(8, 8), channels=(2, 3), code_size=0)
    for size in ((8, 8), (9, 14), (31, 5), (1, 1)):
        assert network(torch.rand(1, 1, *size)).shape == (1, 1, *size)
    strides = [layer.stride for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert strides == [(2, 2)] * 4
    kinds = [type(layer) for layer in network.decoder.modules() if not list(layer.children())]
    assert kinds == [nn.ConvTranspose2d] * 2  # convolutions down, transposed ones up


def test_bad_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 1 and a code of at least 0, received channels \(2, 0\)"):
        ConvAutoencoder(size=(8, 8), channels=(2, 0))
    with pytest.raises(ValueError, match=r"at least two widths, each at least 1; received \[4, 128, 0\]"):
        DenseAutoencoder(shape=(4,), code_size=0)
