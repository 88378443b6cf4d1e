"""InfoGAN: codes that can be read back from the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.train.data import Data, Spec
    from neurarium.train.descent import Descent


@dataclass(frozen=True, kw_only=True)
class InfoGAN(ImageGAN):
    """Chen et al. 2016: without labels, a category and two numbers that the image must tell.

    neurarium train infogan
    neurarium train infogan --data faces --categories 2 --numbers 4
    """

    name: ClassVar[str] = "infogan"
    paper: ClassVar[str] = (
        "Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, InfoGAN: interpretable representation learning by "
        "information maximizing generative adversarial nets"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()

    latent_size: int = 62
    """Numbers of noise besides the codes."""
    categories: int = 10
    """Values of the code that is one of so many."""
    numbers: int = 2
    """Codes that are numbers, drawn evenly from -1 to 1."""
    information: float = 1.0
    """Weight lambda of the bound on the mutual information."""
    generator_lr: float = 1e-3
    """Learning rate of the generator; --lr is the discriminator's."""

    def open_data(self) -> Data:
        from neurarium.data.sources import open_unlabelled

        return self.judged(open_unlabelled(self.data, **self.opening))

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        from neurarium.tasks.conditions import CodePrediction, Codes

        if not self.categories:
            raise UserError("--categories must be at least 1, received 0. The default is 10.")
        codes = Codes(self.categories, self.numbers)
        return {"condition": codes, "auxiliary": CodePrediction(codes, self.information)}

    def descents(self) -> Mapping[str, Descent]:
        """Adam with the two rates of the paper's appendix C."""
        from functools import partial

        from torch.optim import Adam

        from neurarium.train.descent import Descent

        rates = {"generator": self.generator_lr, "discriminator": self.lr}
        return {name: Descent(optimizer=partial(Adam, lr=lr, betas=(0.5, 0.999))) for name, lr in rates.items()}
