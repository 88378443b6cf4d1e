"""What pulls a codebook and an encoder together."""

from torch import Tensor

from neurarium.losses.regression import squared_error


def vector_quantisation_loss(encoded: Tensor, chosen: Tensor, *, beta: float = 0.25) -> Tensor:
    """Van den Oord, Vinyals, Kavukcuoglu 2017, equation 3, without the reconstruction.

        L = ||sg[z_e] - e||^2 + beta ||z_e - sg[e]||^2

    sg passes a value and no gradient. The first term moves the codebook to what the encoder gave, the second, weighted
    by beta, the encoder to the codebook, so that it commits itself.

    encoded: z_e, chosen: e, the nearest entry of the codebook, both (B, D, ...) of equal shape; summed over all axes
    but the first; out (B,). Raises ValueError when the shapes differ.
    """
    return squared_error(chosen, encoded.detach()) + beta * squared_error(encoded, chosen.detach())
