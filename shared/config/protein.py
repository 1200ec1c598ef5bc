"""Protein's settings: every key that published sweeps have under `protein:`, and which of them have no effect here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.errors import ConfigError
from shared.domain.wording import expected_by, nearest, wrong_value

NO_EFFECT: Final = {
    "expansion_rate": "each suggestion draws a new weight of cost instead of a target cost",
    "gp_training_iter": "the surrogates are fitted until they converge",
    "gp_learning_rate": "the surrogates are fitted by a quasi-Newton method, which has no learning rate",
    "prune_pareto": "nothing is pruned: the cost surrogate decides what is worth its cost",
    "num_keep_top_obs": "all observations are kept up to gp_max_obs",
    "optimizer_reset_frequency": "a fit always starts from the prior as well as from the last one",
    "use_gpu": "the surrogates are small and exact: they run on the CPU",
    "metric_distribution": "the surrogate standardizes scores",
    "downsample": "a run is one observation, its final score",
    "early_stop_quantile": "runs are stopped by the sweep, not by its optimizer: set sweep.early_stop_quantile",
    "max_runs": "set budget.max_runs",
}


class ProteinSettings(BaseModel):
    """How Protein searches. Read a mapping with `from_config`, whose errors have the form of all config errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    num_random_samples: int = Field(5, ge=0, description="First suggestions, centre included, that cover the space.")
    seed_with_search_center: bool = Field(True, description="Whether the first suggestion is the search centre.")
    max_suggestion_cost: float | None = Field(
        None, gt=0, description="Highest predicted cost of a suggestion, in the unit of the cost; null: no limit."
    )
    cost_aware: bool = Field(True, description="Whether cost ranks candidates; false: it is predicted and limited.")
    cost_param: str | None = Field(
        None, description="Path of the parameter that makes a run longer; it is small in the first suggestions."
    )
    learning_curves: bool = Field(
        False, description="Whether points of a run's curve count as shorter runs; needs cost_param."
    )
    resample_frequency: int = Field(
        0, ge=0, description="Number of suggestions after which a Pareto point is repeated; 0: never."
    )
    max_replicates: int = Field(
        1, ge=1, description="Maximum of runs of the best configuration while noise hides its score; 1: no second run."
    )
    global_search_scale: float = Field(1.0, gt=0, description="Factor of the search radius around good points.")
    random_suggestions: int = Field(512, ge=1, description="Candidates drawn from the whole space.")
    suggestions_per_pareto: int = Field(100, ge=0, description="Candidates drawn around each of the best points.")
    acquisition_fn: Literal["ei", "ucb", "naive"] = Field("ei", description="Acquisition function: ranks candidates.")
    ucb_beta: float = Field(2.0, ge=0, description="Optimism of `ucb`, in standard deviations.")
    randomize_acquisition: bool = Field(False, description="Draw the optimism of `ucb` from 0 to twice ucb_beta.")
    gp_max_obs: int = Field(1200, ge=10, description="Maximum of observations of a surrogate.")
    expansion_rate: float = Field(0.25, ge=0)
    gp_training_iter: int = Field(50, ge=0)
    gp_learning_rate: float = Field(0.001, ge=0)
    prune_pareto: bool = True
    num_keep_top_obs: int = Field(5, ge=0)
    optimizer_reset_frequency: int = Field(50, ge=0)
    use_gpu: bool = False
    metric_distribution: Literal["linear", "percentile"] = "linear"
    downsample: int = Field(5, ge=0)
    early_stop_quantile: float = Field(0.3, ge=0, le=1)
    max_runs: int = Field(1200, ge=0)

    @classmethod
    def from_config(cls, given: Mapping[str, Any]) -> Self:
        """Read the mapping below `protein:`.

        Raises ConfigError for a value that cannot be used and for an unknown key.
        """
        for name in given:
            if name not in cls.model_fields:
                raise ConfigError(
                    "unknown key",
                    path=f"protein.{name}",
                    meant=nearest(str(name), cls.model_fields),
                    expected="a setting of Protein",
                    remedy="remove it",
                )
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0])
            remedy = "remove it to use the default"
            raise wrong_value(f"protein.{key}", given[key], expected_by(first), remedy) from None

    @property
    def cost_path(self) -> str | None:
        """`cost_param` as a dotted path; some configs write it with slashes."""
        return self.cost_param.replace("/", ".") if self.cost_param else None

    def notes(self) -> tuple[str, ...]:
        """Return a note for each of the given keys that has no effect here, with the reason."""
        silent = [
            f"protein.{key} has no effect: {NO_EFFECT[key]}" for key in sorted(self.model_fields_set & set(NO_EFFECT))
        ]
        if self.acquisition_fn != "ucb":
            for key in sorted(self.model_fields_set & {"ucb_beta", "randomize_acquisition"}):
                silent.append(f"protein.{key} has no effect with acquisition_fn {self.acquisition_fn}, only with ucb")
        return tuple(silent)
