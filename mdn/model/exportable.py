"""A model as a function of plain tensors, for programs that know neither this project nor torch.

Raw inputs go in; weights, means and spreads in the user's units come out. The graph contains the
change of units, in double precision, and no distribution object.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.model.adjustments import adjusted
from mdn.model.model import Model


class PlainModel(nn.Module):
    """A function from x [N, P], float64, to tensors of one mixture per row.

    Columns of x are in the user's units, or hold codes as `mdn.networks.kinds` says. The tensors
    are the weights [N, K], the means [N, K, D], and the standard deviations [N, K, D] or, if
    targets are correlated, the Cholesky factors of the covariances [N, K, D, D]. Targets that the
    model learns on another scale are on that one here: `transforms` of the card says which.

    Args:
        model: a trained model.
    """

    correlation: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = model.network
        self.inputs = model.inputs
        self.targets = model.targets
        self.card = model.card
        self.register_buffer("correlation", model.target_correlation, persistent=False)
        self.precision = model.dtype
        with torch.no_grad():
            row = torch.zeros(1, model.inputs.num_features, dtype=self.precision)
            self.correlated = model.network(row).scale.correlated

    @property
    def output_names(self) -> list[str]:
        """Names of the three outputs."""
        return ["pi", "mu", "tril" if self.correlated else "std"]

    def forward(self, x: Float[Tensor, "N P"]) -> tuple[Tensor, Tensor, Tensor]:
        standard = self.network(self.inputs(x, self.precision)).to(dtype=x.dtype)
        mixture = adjusted(standard, self.card, self.correlation)
        mixture = mixture.affine(self.targets.factor, self.targets.shift)
        spread = mixture.scale.tril() if self.correlated else mixture.scale.std
        # len(x) would be a number, and tie the graph to it.
        rows, (components, targets) = x.shape[0], mixture.mu.shape[-2:]
        return (
            mixture.pi.expand(rows, components),
            mixture.mu.expand(rows, components, targets),
            spread.expand(rows, components, *(targets,) * (1 + self.correlated)),
        )
