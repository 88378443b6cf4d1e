"""How likely is it, and by which discrete codes? VQ-VAE and a prior over its codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.losses.classification import cross_entropy
from neurarium.losses.vector_quantisation import vector_quantisation_loss
from neurarium.plots.gallery import image_grid
from neurarium.plots.reconstructions import reconstruction_gallery
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.pixels import PixelModel
from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper, Task, mean_over

CHUNK = 1000
"""Items of one forward pass of `encode` and `decode`."""
SHOWN = 40


class VectorQuantisedVAE(Task):
    """Van den Oord, Vinyals, Kavukcuoglu 2017: learns discrete codes, equation 3, and what codes are likely.

        L = -log p(x | z_q) + ||sg[z_e] - e||^2 + beta ||z_e - sg[e]||^2

    Since an item has one code for certain, log p(x) >= log p(x | z_q) + log p(codes): a bound as a VAE has it, without
    a divergence that could be left out. The prior learns in the same step, from codes that pass no gradient.

    encoder: from images to z_e (B, D, h, w). codebook: Codebook. decoder: from z_q to what `pixels` reads.
    prior: from codes (B, h w) to logits (B, h w, K), with `sample`. inputs: to images in [0, 1]. grid: h and w.
    Batches are NamedTuples whose first field is x.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        codebook: Any,
        decoder: nn.Module,
        prior: Any,
        inputs: nn.Module,
        pixels: PixelModel,
        grid: Sequence[int],
        descents: Mapping[str, Descent],
        beta: float = 0.25,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.codebook = codebook
        self.decoder = decoder
        self.prior = prior
        self.inputs = inputs
        self.pixels = pixels
        self.grid = tuple(grid)
        self.descents = descents
        self.beta = beta

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        parts = [self.encoder, self.codebook, self.decoder]
        if isinstance(self.pixels, nn.Module) and any(True for _ in self.pixels.parameters()):
            parts.append(self.pixels)
        return {"model": make(parts, self.descents["model"]), "prior": make(self.prior, self.descents["prior"])}

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        batch = next(batches)
        return {
            **steppers["model"].update(self.loss, batch),
            **steppers["prior"].update(self.prior_loss, batch),
        }

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: equation 3, minimised. reconstruction: -log p(x | z_q), quantisation: ||z_e - e||^2, both summed over
        an item. perplexity: exp of the entropy of the codes of a batch, from 1 to K."""
        x = self.inputs(batch[0])
        encoded = self.encoder(x).float()
        codes = self.codebook.codes(encoded)
        chosen = self.codebook.look_up(codes)
        reconstruction = self.pixels.nll(self.decoder(encoded + (chosen - encoded).detach()).float(), x)
        quantisation = vector_quantisation_loss(encoded, chosen, beta=self.beta)
        return {
            "loss": Mean.of(reconstruction + quantisation),
            "reconstruction": Mean.of(reconstruction.detach()),
            "quantisation": Mean.of(quantisation.detach() / (1 + self.beta)),
            "perplexity": Mean(perplexity(self._counts(codes)) * len(x), len(x)),
        }

    def prior_loss(self, batch: Batch) -> dict[str, Mean]:
        """code_nll: -log p(codes), in nats, minimised by the prior alone."""
        with torch.no_grad():
            codes = self.codebook.codes(self.encoder(self.inputs(batch[0])))
        return {"code_nll": Mean.of(self._code_nll(codes))}

    def _code_nll(self, codes: Tensor) -> Tensor:
        codes = codes.flatten(1)
        return cross_entropy(self.prior(codes).float().transpose(1, 2), codes).sum(1)

    def _counts(self, codes: Tensor) -> Tensor:
        return torch.bincount(codes.flatten(), minlength=len(self.codebook.entries))

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """negative_elbo: reconstruction + code_nll. perplexity: of the codes of the whole split."""
        counts = torch.zeros(len(self.codebook.entries), device=self.device, dtype=torch.int64)

        def measures(batch: Batch) -> dict[str, Mean]:
            x = self.inputs(batch[0])
            encoded = self.encoder(x).float()
            codes = self.codebook.codes(encoded)
            chosen = self.codebook.look_up(codes)
            reconstruction = self.pixels.nll(self.decoder(chosen).float(), x)
            quantisation, code_nll = (encoded - chosen).square().flatten(1).sum(1), self._code_nll(codes)
            counts.add_(self._counts(codes))
            return {
                "negative_elbo": Mean.of(reconstruction + code_nll),
                "reconstruction": Mean.of(reconstruction),
                "quantisation": Mean.of(quantisation),
                "code_nll": Mean.of(code_nll),
            }

        found = mean_over(batches, measures)
        return {**found, "perplexity": float(perplexity(ranks.sum_over_ranks(counts)))}

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """Codes (N, h w) int64 on the CPU, of N items as the data holds them: a tensor or a numpy array."""
        parts = to_tensor(x).split(CHUNK)
        return torch.cat(
            [self.codebook.codes(self.encoder(self.inputs(part.to(self.device)))).flatten(1).cpu() for part in parts]
        )

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """E[x | z_q] as images (N, C, H, W) in [0, 1], on the CPU, of codes (N, h w)."""
        parts = to_tensor(z).view(-1, *self.grid).split(CHUNK)
        return torch.cat([self._images(self.codebook.look_up(part.to(self.device))).cpu() for part in parts])

    def reconstruct(self, x: Any) -> Tensor:
        """What is left of N items after the way through their codes, as `decode` gives it; x as the data holds it."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Any = None, seed: int = 0) -> Tensor:
        """E[x | z_q] for codes drawn from the prior, images (count, C, H, W) in [0, 1]."""
        if labels is not None:
            raise ValueError("This model knows no classes, so labels would be ignored. Leave them out.")
        generator = torch.Generator(self.device).manual_seed(seed)
        return self.decode(self.prior.sample(count, self.grid[0] * self.grid[1], generator))

    def _images(self, quantised: Tensor) -> Tensor:
        return self.pixels.mean(self.decoder(quantised).float())

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        x = self.inputs(batch[0])
        with torch.no_grad():
            encoded = self.encoder(x)
            codes = self.codebook.codes(encoded)
        return {
            "encoder": (self.encoder, (x,)),
            "codebook": (self.codebook, (encoded,)),
            "decoder": (self.decoder, (self.codebook.look_up(codes).detach(),)),
            "prior": (self.prior, (codes.flatten(1),)),
        }

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the way from items to their quantised vectors."""
        return nn.Sequential(self.inputs, self.encoder, self.codebook), (batch[0],)

    @torch.no_grad()
    def pictures(self, batches: Iterable[Batch]) -> Figures:
        x = next(iter(batches))[0][:10]
        rows = {"input": self.inputs(x).cpu().numpy(), "output": self.reconstruct(x).numpy()}
        return {
            "reconstructions": reconstruction_gallery(rows),
            "samples": image_grid((255 * self.sample(SHOWN)).byte().numpy(), columns=10),
        }


def perplexity(counts: Tensor) -> Tensor:
    """exp(-sum_k p_k log p_k) of counts (K,): how many codes are in use, were they used evenly."""
    shares = counts.float() / counts.sum()
    return torch.exp(torch.special.entr(shares).sum())
