"""What a model answers about a frame, or about rows of numbers in the order of its inputs."""

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.abstract import Mixture
from mdn.distributions.origin import Origin
from mdn.model.card import ModelCard
from mdn.model.condition_values import Known, known_values
from mdn.model.input_counts import warn_of_new
from mdn.model.novelty import Novelty

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FrameAnswers(nn.Module):
    """The questions to a model whose inputs come with names."""

    card: ModelCard

    @abstractmethod
    def forward(self, x: Float[Tensor, "N P"]) -> Mixture:
        """Return p(y given x): N mixtures."""

    @abstractmethod
    def members(self, x: Float[Tensor, "N P"]) -> Mixture:
        """Return p(y given x) of each network of an ensemble: batch axes [M, N]."""

    @property
    @abstractmethod
    def num_members(self) -> int:
        """M."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the model is."""

    @torch.no_grad()
    def predict(self, data: object) -> Mixture:
        """Return p(y given x) in the user's units, in float64: one mixture a row.

        Missing values and unknown levels are answered; a warning counts them in columns where
        training had no example of such. The mixture knows the rows of a frame: `to_frame` answers
        in a frame of the same library, and with its index.

        Args:
            data: a frame, whose columns are picked by the names of the inputs, or, where all inputs
                are numbers or truth values, rows of numbers in their order: a tensor, an array or
                a list.

        Raises:
            ValueError: if a column is not there, or holds something else than it did in training.
        """
        x = self._inputs_of(data)
        return self(x).with_origin(Origin.of(data, len(x), self.num_members))

    @torch.no_grad()
    def predict_members(self, data: object) -> Mixture:
        """As `predict`, from each member of an ensemble: mixtures [M, N], M = 1 of one network.

        `.pool()` of it is what `predict` answers; `.std_split()` and `.covariance_split()` tell
        the noise in y from the members' doubt about its mean.

        Args:
            data: as for `predict`.

        Raises:
            ValueError: as `predict`.
        """
        x = self._inputs_of(data)
        return self.members(x).with_origin(Origin.of(data, len(x), self.num_members))

    @torch.no_grad()
    def condition(self, data: object, known: Known) -> Mixture:
        """Return p(the other targets given x and some targets), as `predict(data).condition`.

        Args:
            data: as for `predict`.
            known: the values of some targets by their names, as in {"price": 3.2}: one number for
                all rows, one for each, or the name of a column of the frame. A row without a value
                has answers that are NaN.

        Raises:
            TypeError: on anything but a mapping, and on values that are not numbers.
            ValueError: as `predict`; on a target or a column that is not there, on values that do
                not fit the rows, and where no target is left.
        """
        return self.predict(data).condition(known_values(data, known))

    def novelty(self, data: object) -> list[list[str]]:
        """Return, for each row, the names of the inputs that are unlike all that training saw.

        These are numbers far outside of the training rows, levels of a category that the model does
        not know, and values that are missing in a column that no training row lacked.

        Args:
            data: as for `predict`.

        Raises:
            ValueError: as `predict`.
        """
        return Novelty.of(self.card, self._codes_of(data)).names(self.card.inputs)

    def _inputs_of(self, data: object) -> Float[Tensor, "N P"]:
        x = self._codes_of(data)
        warn_of_new(self.card, x)
        return x.to(self.device)

    def _codes_of(self, data: object) -> Float[Tensor, "N P"]:
        from mdn.data.frames import input_matrix  # frames take a library, tensors do not

        card = self.card
        return input_matrix(data, card.inputs, card.fitted_kinds, card.formats)

    @torch.no_grad()
    def plot(self, data: object, x: str | None = None, target: str | None = None) -> "Figure":
        """Draw the density of a target over one input, with the rows of a frame on top of it.

        With several inputs the density is averaged over rows that are alike in the one shown.
        Without inputs the density is drawn over a histogram of the target.

        Args:
            data: as for `predict`; where it has a column with the target, its values are drawn.
            x: the name of the input; by default the one that tells most of the target, or the
                first where the frame has no target.
            target: its name; needed where there are several.

        Raises:
            ValueError: as `predict`; on a name that is not there, on several targets of which none
                is named, and on fewer than two rows.
        """
        from mdn.model.model_plot import model_figure

        return model_figure(self, data, self._inputs_of(data), x, target)

    def __repr__(self) -> str:
        from mdn.model.model_overview import model_overview  # which knows models

        return model_overview(self).text()

    def _repr_html_(self) -> str:
        from mdn.model.model_overview import model_overview

        return model_overview(self).html()
