"""What causes the causes? Deep belief networks: restricted Boltzmann machines, one upon the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.losses.classification import binary_cross_entropy_with_logits as negative_log_likelihood
from neurarium.nn.annealed_importance import log_partition
from neurarium.nn.dense import dense_layers
from neurarium.nn.rbm import RBM, draw
from neurarium.tasks.binary_images import BinaryImages, contrastive_losses
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.rbm_pictures import pictures
from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.recipe import UserError
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper, Task, mean_over

NOISE = 1000
"""Rows of the numbers with which evaluation draws hidden states: item n takes row n, so that batches do not matter."""


class DeepBeliefNetwork(Task):
    """Hinton, Osindero, Teh 2006: p(v, h_1 ... h_L) = p(v | h_1) ... p(h_{L-2} | h_{L-1}) p(h_{L-1}, h_L), of which the
    last factor is a restricted Boltzmann machine and the others are the downward halves of those below it.

    Layers are learned greedily (section 4), each by CD-k for `layer_steps` steps, the later ones from states that are
    drawn upwards through those below. A layer with as many units as lie two layers below it begins as the layer below
    turned over; then the network is at first as likely as without it, and its bound rises from there. There is no
    wake-sleep phase (section 5), and there are no labels at the top.

    network: the machines, from the images up; it gives p(h_L = 1) by probabilities, layer by layer.
    """

    def __init__(
        self, *, network: nn.Sequential, inputs: BinaryImages, descent: Descent, gibbs_steps: int, layer_steps: int
    ) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.descent = descent
        self.gibbs_steps = gibbs_steps
        self.layer_steps = layer_steps

    @property
    def layers(self) -> list[RBM]:
        return [layer for layer in self.network if isinstance(layer, RBM)]

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {f"layer{number}": make(layer, self.descent) for number, layer in enumerate(self.layers, start=1)}

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        """One update of the first layer that has not had its steps; of the last for ever."""
        unfinished = (n for n, stepper in enumerate(steppers.values()) if stepper.count < self.layer_steps)
        depth = next(unfinished, len(steppers) - 1)
        stepper = steppers[f"layer{depth + 1}"]
        if depth and stepper.count == 0:
            self._turn_over(depth)

        def loss(batch: Batch) -> dict[str, Mean]:
            return {**self.loss(batch, depth), "layer": Mean(torch.tensor(float(depth + 1), device=self.device), 1)}

        return stepper.update(loss, next(batches))

    @torch.no_grad()
    def _turn_over(self, depth: int) -> None:
        """Begin a layer as the one below it turned over, where their sizes allow it."""
        layer, turned = self.layers[depth], self.layers[depth - 1].transposed()
        if layer.weight.shape == turned.weight.shape:
            layer.load_state_dict(turned.state_dict())

    def loss(self, batch: Batch, depth: int) -> dict[str, Mean]:
        """Contrastive divergence of the layer with so many below it."""
        rbm = self.layers[depth]
        v = self.states(self.inputs(batch[0]), depth)
        return contrastive_losses(rbm, v, rbm.gibbs(v, steps=self.gibbs_steps))

    @torch.no_grad()
    def states(self, v: Tensor, depth: int) -> Tensor:
        """h_depth (B, H), drawn upwards; v itself for the depth 0."""
        for layer in self.layers[:depth]:
            v = draw(layer(v))
        return v

    def bound(self, v: Tensor, noise: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Of log p(v) from below, but for log Z of the top: one draw of

            log p(v | h_1) ... p(h_{L-2} | h_{L-1}) - F(h_{L-1}) - log q(h_1 | v) ... q(h_{L-1} | h_{L-2}),    h ~ q

        (B,), and h_{L-1} (B, H). Its mean less log Z is at most log p(v), and equal where q is the true posterior; see
        Salakhutdinov, Murray 2008. noise: (B, H) uniform numbers for each layer below the top.
        """
        total = torch.zeros(len(v), device=v.device)
        for layer, uniform in zip(self.layers, noise, strict=False):
            up = v @ layer.weight + layer.hidden_bias
            h = (uniform < up.sigmoid()).float()
            down = h @ layer.weight.T + layer.visible_bias
            total = total - negative_log_likelihood(down, v) + negative_log_likelihood(up, h)
            v = h
        return total - self.layers[-1].free_energy(v), v

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """log_likelihood_bound: of an image, in nats, from below; partition_error: the standard error of the top's
        log Z in it; first_layer_log_likelihood: of the first machine alone; reconstruction_error: mean squared
        difference of a pixel, after the way up to the top and down again by probabilities."""
        first, top = self.layers[0], self.layers[-1]
        generator = torch.Generator(self.device).manual_seed(0)
        noise = [torch.rand(NOISE, r.num_hidden, generator=generator, device=self.device) for r in self.layers[:-1]]
        sums, seen = [torch.zeros(r.num_visible, device=self.device) for r in (first, top)], 0

        def measures(batch: Batch) -> dict[str, Mean]:
            nonlocal seen
            v = self.inputs(batch[0])
            rows = torch.arange(seen, seen + len(v), device=self.device) % NOISE
            seen += len(v)
            bound, below_top = self.bound(v, [uniform[rows] for uniform in noise])
            sums[0] += v.sum(0)
            sums[1] += below_top.sum(0)
            return {
                "log_likelihood_bound": Mean.of(bound),
                "first_layer_log_likelihood": Mean.of(-first.free_energy(v)),
                "reconstruction_error": Mean.of((v - self._down(self.network(v))).square().mean(1)),
            }

        means = mean_over(batches, measures)
        pixels, states = (ranks.sum_over_ranks(total) / means["items"] for total in sums)
        found = log_partition(top, states)
        means["log_likelihood_bound"] -= found.value
        means["first_layer_log_likelihood"] -= log_partition(first, pixels).value
        return {**means, "partition_error": found.error}

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """Codes (N, H_L) of images as the data holds them: the probabilities of the top units, from those below."""
        return self.network(self.inputs(to_tensor(x).to(self.device))).cpu()

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """Images (N, 1, H, W) from codes, by probabilities all the way down."""
        return self._images(self._down(to_tensor(z).float().to(self.device)))

    def reconstruct(self, x: Any) -> Tensor:
        """Images (N, 1, H, W) out of the codes of images."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int = 0, steps: int = 1000) -> Tensor:
        """Images (count, 1, H, W): the top machine's Gibbs chain, which starts at random, then one draw down the
        layers, of which the last gives its probabilities."""
        if labels is not None:
            raise UserError("This system knows no classes, so none can be asked for. Leave labels out.")
        generator, top = torch.Generator(self.device).manual_seed(seed), self.layers[-1]
        start = draw(torch.full((count, top.num_visible), 0.5, device=self.device), generator)
        h = draw(top(top.gibbs(start, steps=steps - 1, generator=generator)), generator)
        for layer in reversed(self.layers[1:]):
            h = draw(layer.visible(h), generator)
        return self._images(self.layers[0].visible(h))

    def _down(self, h: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            h = layer.visible(h)
        return h

    def _images(self, v: Tensor) -> Tensor:
        return v.view(len(v), *self.inputs.shape).cpu()

    @torch.no_grad()
    def classifier(self, num_classes: int) -> nn.Sequential:
        """A multilayer perceptron of sigmoid units that begins where this has ended, with a last layer of its own, to
        be trained with labels: visible states (B, V) -> logits (B, C). Hinton, Salakhutdinov 2006."""
        widths = [self.layers[0].num_visible, *(layer.num_hidden for layer in self.layers), num_classes]
        network = dense_layers(widths, activation=nn.Sigmoid)
        hidden = [layer for layer in network if isinstance(layer, nn.Linear)][:-1]
        for ours, learned in zip(hidden, self.layers, strict=True):
            ours.weight.copy_(learned.weight.T)
            ours.bias.copy_(learned.hidden_bias)
        return network

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        return {"network": (self.network, (self.inputs(batch[0]),))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the way from images to codes."""
        return nn.Sequential(self.inputs, self.network), (batch[0],)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return pictures(self, self.layers[0], next(iter(batches))[0])
