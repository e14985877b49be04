"""The scores that every run reports: the likelihood, and what it is compared with."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.data.batches import Share
from mdn.data.rows import Rows
from mdn.data.synthetic import Problem, RobotArm
from mdn.data.table import Table
from mdn.fitting.singularity import Thresholds, find_dead, tally
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.model import Model
from mdn.report.grid_scores import grid_scores
from mdn.training.datamodule import EVALUATION_BATCH
from mdn.training.mixture_module import num_rows, total


def basic_scores(model: Model, table: Rows, problem: Problem | None = None) -> dict[str, float]:
    """Return the likelihood of a model on some rows, and what it is compared with.

    Args:
        model: the model.
        table: the rows.
        problem: from which the rows were drawn; where its density is known, so is the optimum.

    Returns:
        Scores by their names in `metrics.json`.
    """
    with evaluation_mode(model):
        scores = likelihood(model, table)
        references = reference_scores(model, table, problem, scores["test/nll"])
        return scores | references | grid_scores(model, table)


@torch.no_grad()
def likelihood(model: Model, table: Rows) -> dict[str, float]:
    """Return the mean NLL of a table's rows, of standardized targets and in the user's units.

    A row that lacks some targets counts by those that it has.

    Raises:
        ValueError: on a value that the scale of its target has no place for.
    """
    log_prob, rows, units = torch.zeros(3, dtype=torch.float64)
    for x, y, *weight in table.batches(EVALUATION_BATCH, None, Share()):
        model.check_targets(y, "the rows to score")
        mixture, z = model.per_member(x.to(model.device), y.to(model.device))
        pooled = model.network.pool(mixture.observed_log_prob(z)).cpu()
        log_prob += total(pooled, weight)
        rows += num_rows(pooled, weight)
        units += total(model.targets.row_units(y.to(model.device)).cpu(), weight)
    nll = -log_prob / rows
    in_units = nll - (model.targets.log_det().cpu() + units / rows)
    return {"test/nll_standardized": nll.item(), "test/nll": in_units.item()}


def reference_scores(
    model: Model, table: Rows, problem: Problem | None, nll: float
) -> dict[str, float]:
    """Return the NLL of one Gaussian that ignores x, and of the optimum where it is known.

    Two scores need no likelihood: the number of components alive, and how far from the target
    position the predictions bring a robot arm.
    """
    marginal = model.marginal.to("cpu")
    scores = {"test/marginal_nll": _mean_nll(lambda _, y: marginal.observed_log_prob(y), table)}
    if problem is not None:
        scores |= _scores_of_problem(model, table.sample, problem, nll)
    return scores | {"test/components_alive": components_alive(model, table)}


def _scores_of_problem(
    model: Model, table: Table, problem: Problem, nll: float
) -> dict[str, float]:
    scores = {}
    exact = problem.log_prob(table.x, table.y)
    if exact is not None:
        optimal = -_mean(exact, table.weight)
        scores |= {"test/optimal_nll": optimal, "test/excess_nll": nll - optimal}
    if isinstance(problem, RobotArm):
        scores["test/position_error"] = _position_error(model, table, problem)
    return scores


def components_alive(model: Model, table: Rows) -> int:
    """Count the learned components that are not dead by the default thresholds.

    The thresholds of a run's own resets do not matter: the count means the same in all runs.
    """
    sums = []
    with evaluation_mode(model):
        for x, y, *weight in table.batches(EVALUATION_BATCH, None, Share()):
            share = weight[0] if weight else torch.ones(len(x), dtype=torch.float64)
            mixture, y = model.standardized(x.to(model.device), y.to(model.device))
            sums.append(tally(mixture.expand(len(x)), y, share.to(y), 0.0))
    learned = torch.stack(sums).sum(0)[:, : model.num_learned]
    return int((~find_dead(learned, Thresholds())).sum())


def _position_error(model: Model, table: Table, problem: RobotArm) -> float:
    # The mean distance from the target position, for the mean of the likeliest component.
    with evaluation_mode(model):
        _, angles = model(table.x.to(model.device)).most_likely()
    return problem.position_error(table.x, angles.cpu()).mean().item()


def _mean_nll(log_prob: Callable[[Tensor, Tensor], Tensor], table: Rows) -> float:
    sums = torch.zeros(2, dtype=torch.float64)
    for x, y, *weight in table.batches(EVALUATION_BATCH, None, Share()):
        each = log_prob(x, y)
        sums += torch.stack([total(each, weight), torch.as_tensor(num_rows(each, weight))])
    return -(sums[0] / sums[1]).item()


def _mean(values: Float[Tensor, " N"], weight: Float[Tensor, " N"] | None) -> float:
    if weight is None:
        return values.mean().item()
    return ((weight * values).sum() / weight.sum()).item()
