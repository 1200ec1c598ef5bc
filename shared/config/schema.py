"""The typed form of sweep_job.yaml: frozen, closed, with units in the names and in the descriptions."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from shared.domain.command import program_of, split_command, with_interpreter
from shared.domain.errors import ConfigError
from shared.domain.wording import wrong_value

Device = Literal["auto", "cpu", "cuda"]
IMPORT_PATH: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Refused(ValueError):
    """Carries a ConfigError through pydantic, which collects ValueErrors only. Its path begins below the section."""

    def __init__(self, error: ConfigError) -> None:
        super().__init__(str(error))
        self.error = error


def _whole(value: object) -> object:
    """Accept `1e6`, as people write it, as a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _words(written: object) -> tuple[str, ...]:
    try:
        words = split_command(written)
        program_of(words)
    except ConfigError as error:
        raise Refused(error) from None
    return words


def _import_path(path: str) -> str:
    if not IMPORT_PATH.fullmatch(path):
        raise Refused(wrong_value("", path, "an import path", "write for example my_package.my_module:train"))
    return path


Count = Annotated[int, BeforeValidator(_whole), Field(le=2**53)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
ImportPath = Annotated[str, AfterValidator(_import_path)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Closed(BaseModel):
    """A section that allows only known keys, and reads no text as a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


# ------------------------------------------------------------------------------------------------ trainer


class OptimizerConfig(Closed):
    """Adam, by the names of its paper."""

    type: Literal["adam"] = "adam"
    learning_rate: float = Field(5e-4, gt=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    eps: float = Field(1e-8, gt=0)


class PpoConfig(Closed):
    """The coefficients of proximal policy optimization (Schulman et al. 2017)."""

    gamma: Probability = 0.99
    gae_lambda: Probability = 0.95
    clip_coef: float = Field(0.2, gt=0)
    vf_coef: float = Field(0.5, ge=0)
    vf_clip_coef: float = Field(0.2, ge=0, description="Half-width of the clipped value update; 0: no clipping.")
    ent_coef: float = Field(0.001, ge=0)
    max_grad_norm: float = Field(0.5, gt=0)
    normalize_advantages: bool = True


class TrainerBase(Closed):
    """The keys that every trainer has."""

    gpus_per_run: Count = Field(1, ge=1, description="GPUs of one node that one run holds.")
    stall_seconds: float = Field(1800, gt=0, description="Silence after which a training is killed (seconds).")


Interpreter = Annotated[
    str | None,
    Field(
        min_length=1,
        description="Python 3.9 or newer for the training, for example venv/bin/python; null: that of the worker.",
    ),
]


class PpoTrainer(TrainerBase):
    """The built-in PPO on a gymnasium vector environment."""

    kind: Literal["ppo"] = "ppo"
    env: str = Field("CartPole-v1", description="gymnasium id; `module:Env` imports the module.")
    env_kwargs: dict[str, Any] = {}
    total_timesteps: Count = Field(250_000, ge=1, description="Environment steps, over all environments.")
    num_envs: Count = Field(32, ge=1)
    batch_size: Count = Field(2048, ge=1, description="Environment steps of one rollout: num_steps x num_envs.")
    minibatch_size: Count = Field(
        512, ge=1, description="Environment steps of one gradient step; above batch_size: the whole batch."
    )
    update_epochs: Count = Field(4, ge=1)
    checkpoint_interval: Count = Field(
        100_000,
        ge=1,
        description="Environment steps between two checkpoints. At each one new episodes start, so that a resume is "
        "exact: keep it well above num_envs x the length of an episode.",
    )
    hidden_sizes: tuple[Count, ...] = Field((64, 64), strict=False)
    normalize_observations: bool = False
    normalize_rewards: bool = Field(
        True,
        description="Divide rewards by the standard deviation of their discounted sums; vf_clip_coef has this unit.",
    )
    anneal_learning_rate: bool = False
    num_threads: Count | None = Field(
        1, ge=1, description="Threads of torch; 1 is fastest for small networks; null: cores / slots."
    )
    num_workers: Count | None = Field(None, ge=1, description="Accepted from published configs; has no effect here.")
    forward_pass_minibatch_target_size: Count | None = Field(None, ge=1, description="As num_workers: no effect here.")
    optimizer: OptimizerConfig = OptimizerConfig()
    ppo: PpoConfig = PpoConfig()

    @model_validator(mode="after")
    def _sizes_fit(self) -> PpoTrainer:
        if self.batch_size % self.num_envs:
            fitting = max(1, self.batch_size // self.num_envs) * self.num_envs
            expected, remedy = f"a multiple of num_envs ({self.num_envs})", f"use for example {fitting}"
            raise Refused(wrong_value("batch_size", self.batch_size, expected, remedy))
        return self


class FunctionTrainer(TrainerBase):
    """The user's own `train(run)`. Every other key is the user's and reaches the function unchanged."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: Literal["function"] = "function"
    function: ImportPath = Field(description="Import path, `package.module:train`.")
    python: Interpreter = None


class CommandTrainer(TrainerBase):
    """A program in any language. Every other key is the user's: it can be searched, and used in the command."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: Literal["command"] = "command"
    command: Words = Field(description="Words, or one text that is split into words as a shell does. No shell runs it.")
    python: Interpreter = None

    @property
    def words(self) -> tuple[str, ...]:
        """The command, with the interpreter of the key `python` as its program if that is just `python`."""
        return with_interpreter(self.command, self.python)


class AskTrainer(TrainerBase):
    """No trainer: a program asks for each run and reports its result (`protein_sweeps.Sweep.ask`, `tell`)."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: Literal["ask"] = "ask"


class NoopTrainer(TrainerBase):
    """Trains nothing, for tests and benchmarks of the system. Every other key can be searched."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    kind: Literal["noop"] = "noop"
    steps: Count = Field(3, ge=0, description="Number of reports and checkpoints.")
    step_seconds: float = Field(0, ge=0, description="Sleep before each step (seconds).")


def _kind(value: Any) -> str:
    kind = value.get("kind", "ppo") if isinstance(value, dict) else getattr(value, "kind", "ppo")
    return str(kind)


TrainerConfig = Annotated[
    Annotated[PpoTrainer, Tag("ppo")]
    | Annotated[FunctionTrainer, Tag("function")]
    | Annotated[CommandTrainer, Tag("command")]
    | Annotated[AskTrainer, Tag("ask")]
    | Annotated[NoopTrainer, Tag("noop")],
    Discriminator(_kind),
]

# ------------------------------------------------------------------------------------------------ evaluation


class Simulation(Closed):
    """One environment of the suite. A missing value is that of the suite."""

    env: str
    env_kwargs: dict[str, Any] = {}
    num_episodes: Count | None = Field(None, ge=1)
    max_time_s: float | None = Field(None, gt=0)


class SimConfig(Closed):
    """The suite that the evaluator plays. Without simulations the training reports the score itself."""

    name: str = "sweep_eval"
    num_episodes: Count = Field(20, ge=1, description="Episodes of each simulation.")
    max_time_s: float = Field(60, gt=0, description="Time limit of each simulation (seconds).")
    seed: Count = 0
    deterministic: bool = Field(True, description="Take the most probable action; false: sample it.")
    simulations: dict[str, Simulation] = {}

    def gives(self, metric: str) -> bool:
        """Whether an evaluation with this suite measures `metric`."""
        return metric in ("reward", "total_time") or metric.rpartition("/")[0] in self.simulations


# ------------------------------------------------------------------------------------------------ the search


class SweepConfig(Closed):
    """The parameters to search, the metric, and the method."""

    metric: str = Field("reward", min_length=1)
    goal: Literal["maximize", "minimize"] = "maximize"
    method: Literal["bayes", "random", "sobol", "grid", "optuna-tpe", "optuna-gp"] = "bayes"
    grid_points: Count = Field(5, ge=2, description="Values of each continuous parameter, for `method: grid`.")
    protein: dict[str, Any] = {}
    early_stop_quantile: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="A run worse than this share of the finished ones at equal cost ends early.",
    )
    parameters: dict[str, Any]
    prefix: str = Field(
        "", description="The beginning of all parameters' paths, which their names in `run.params` do not have."
    )
    warm_start: list[str] = Field([], description="Earlier sweeps, or tables that `export` wrote, to learn from.")
    constraints: list[str] = Field([], description="Conditions that the parameters must meet together.")


class Budget(Closed):
    """When a sweep is over: at the first limit that it reaches."""

    max_runs: Count | None = Field(12, ge=1)
    max_cost: float | None = Field(None, gt=0, description="Sum of the costs of all runs, in the unit of `cost`.")
    max_hours: float | None = Field(None, gt=0, description="Wall-clock hours since the submit.")
    target_score: float | None = None


class WandbConfig(Closed):
    """Where runs are tracked. The key is read from the environment, never from a config."""

    mode: Literal["off", "offline", "online"] = "off"
    project: str = "protein-sweeps"
    entity: str | None = None
    group: str | None = Field(None, description="null: the sweep's name.")
    name: str | None = Field(None, description="null: the run's id.")


class SweepJob(Closed):
    """Everything that a sweep needs. It does not change after the submit."""

    sweep_run: str
    seed: Count = Field(0, ge=0)
    device: Device = "auto"
    vectorization: str | None = Field(None, description="Accepted from published configs; has no effect here.")
    queue: Literal["gpu", "cpu", "ask"] = "gpu"
    parallelism: Count | None = Field(None, ge=1, description="Most unfinished runs; null: live slots + look_ahead.")
    look_ahead: Count = Field(1, ge=0, description="Runs to suggest beyond the live slots.")
    cost: str = Field(
        "seconds", min_length=1, description="`seconds` of training and evaluation, `steps`, or a logged metric."
    )
    budget: Budget = Budget()
    max_consecutive_failures: Count = Field(3, ge=1, description="Failed runs in a row after which the sweep pauses.")
    max_stuck_attempts: Count = Field(
        3, ge=1, description="Lost attempts in a row, without a new checkpoint, after which a run fails."
    )
    data_dir: str = "./train_dir"
    runs_dir: str
    trainer: TrainerConfig
    sim: SimConfig
    sweep: SweepConfig
    wandb: WandbConfig = WandbConfig()

    @property
    def is_evaluated(self) -> bool:
        """Whether the evaluator scores the runs (otherwise the training reports its score)."""
        return bool(self.sim.simulations)
