"""What is composed, in which order, from which folders; and what a person sees when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from shared.config.compose import Composed
from shared.config.files import installed_dir
from shared.config.frozen import from_plain, to_plain
from shared.domain.errors import ConfigError

Compose = Callable[..., Composed]
Refusal = Callable[..., str]
Write = Callable[[str, str], Path]

SPACE = """
parameters:
  trainer:
    optimizer:
      learning_rate: {distribution: log_normal, min: 1e-4, max: 1e-3}
"""


def trainer_of(composed: Composed) -> Any:
    return composed.job.trainer


# ------------------------------------------------------------------------------------------------ published


def test_the_published_quick_and_full_sweeps_load_without_a_note(composed: Compose) -> None:
    quick, full = composed("quick"), composed("full")

    assert quick.job.sweep.protein["num_random_samples"] == 5
    assert quick.job.sweep.parameters["trainer"]["optimizer"]["learning_rate"]["max"] == 0.001
    assert full.job.sweep.parameters["trainer"]["optimizer"]["eps"]["min"] == 1e-12
    assert quick.notes == full.notes == ()


def test_a_published_hardware_preset_loads_and_moves_to_the_queue_it_needs(composed: Compose, write: Write) -> None:
    write(
        "configs/hardware/macbook.yaml",
        """\
        # @package __global__

        device: cpu
        vectorization: serial

        trainer:
          num_workers: 1
          update_epochs: 1
          batch_size: 1024
          minibatch_size: 1024
          forward_pass_minibatch_target_size: 2
          async_factor: 1
          bptt_horizon: 8
        """,
    )

    result = composed("quick", "+hardware=macbook")

    assert (result.job.device, result.job.queue, trainer_of(result).batch_size) == ("cpu", "cpu", 1024)
    assert result.notes == (
        "trainer.num_workers has no effect here",
        "trainer.forward_pass_minibatch_target_size has no effect here",
        "trainer.async_factor has no effect here",
        "trainer.bptt_horizon has no effect here",
        "vectorization has no effect here: all environments are stepped at once",
        "queue is set to cpu, because hardware=macbook sets device: cpu",
    )


def test_a_queue_that_somebody_chose_is_kept(composed: Compose, write: Write) -> None:
    write("configs/hardware/old.yaml", "# @package _global_\ndevice: cpu\n")
    write("configs/hardware/shared.yaml", "# @package _global_\ndevice: cpu\nqueue: gpu\n")

    assert composed("quick", "+hardware=old").job.queue == "cpu"
    assert composed("quick", "+hardware=old", "queue=gpu").job.queue == "gpu"
    assert composed("quick", "+hardware=shared").job.queue == "gpu"


def test_metric_goal_and_method_may_stand_under_parameters(composed: Compose, write: Write) -> None:
    write(
        "configs/sweep/sample.yaml",
        """\
        parameters:
          metric: episode/reward.mean
          goal: minimize
          method: random
          trainer.optimizer.learning_rate: {distribution: log_normal, min: 1e-4, max: 1e-3}
        """,
    )

    sweep = composed("sample").job.sweep

    assert (sweep.metric, sweep.goal, sweep.method) == ("episode/reward.mean", "minimize", "random")
    assert list(sweep.parameters) == ["trainer.optimizer.learning_rate"]


def test_two_different_metrics_are_refused(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/two.yaml", f"metric: reward\n{SPACE}  metric: score\n")

    assert refusal("two") == (
        "configs/sweep/two.yaml:7: sweep.metric: 'score' in parameters, but 'reward' above it; keep one of them"
    )


def test_an_early_stop_is_taken_from_under_protein_where_others_have_it_and_a_note_says_so(
    composed: Compose, write: Write
) -> None:
    write("configs/sweep/above.yaml", f"early_stop_quantile: 0.3\n{SPACE}")
    write("configs/sweep/below.yaml", f"protein:\n  early_stop_quantile: 0.3\n{SPACE}")

    above, below = composed("above"), composed("below")

    assert above.job.sweep.early_stop_quantile == below.job.sweep.early_stop_quantile == 0.3
    assert below.job.sweep.protein == {}
    assert (above.notes, below.notes) == (
        (),
        (
            "configs/sweep/below.yaml:2: protein.early_stop_quantile is used as sweep.early_stop_quantile: "
            "bad runs are stopped early; set it to null to prevent that",
        ),
    )


def test_two_early_stops_that_differ_are_refused(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/two.yaml", f"early_stop_quantile: 0.2\nprotein: {{early_stop_quantile: 0.3}}\n{SPACE}")

    assert refusal("two") == (
        "configs/sweep/two.yaml:2: sweep.early_stop_quantile: 0.3 in protein, but 0.2 above it; keep one of them"
    )


@pytest.mark.parametrize("value", ["0", "0.6", "-0.1", "30"])
def test_an_early_stop_is_a_lower_quantile_or_null(refusal: Refusal, write: Write, value: str) -> None:
    write("configs/sweep/wrong.yaml", f"early_stop_quantile: {value}\n{SPACE}")

    assert refusal("wrong").startswith("configs/sweep/wrong.yaml:1: sweep.early_stop_quantile is ")


def test_without_an_early_stop_or_with_null_no_run_is_stopped(composed: Compose, write: Write) -> None:
    write("configs/sweep/off.yaml", f"early_stop_quantile: null\n{SPACE}")

    assert composed("off").job.sweep.early_stop_quantile is None
    assert composed("quick").job.sweep.early_stop_quantile is None
    assert composed("quick", "sweep.early_stop_quantile=0.25").job.sweep.early_stop_quantile == 0.25


def test_learning_curves_without_a_length_that_is_searched_are_noted(composed: Compose, write: Write) -> None:
    def notes(protein: str, *overrides: str) -> tuple[str, ...]:
        write("configs/sweep/curves.yaml", f"protein: {{learning_curves: true{protein}}}\n{SPACE}")
        return composed("curves", *overrides, validate_protein=lambda _: []).notes

    no_effect = ("protein.learning_curves has no effect without method bayes and a cost_param that is searched",)

    assert notes("") == no_effect
    assert notes(", cost_param: trainer.total_timesteps") == no_effect
    assert notes(", cost_param: trainer/optimizer/learning_rate") == ()
    assert notes(", cost_param: trainer.optimizer.learning_rate", "sweep.method=random") == no_effect


@pytest.mark.parametrize("key", ["rollout_count: 3", "eval: {a: 1}", "generation: {enabled: true}", "test: [1]"])
def test_foreign_keys_of_published_sweeps_are_tolerated_with_a_note(composed: Compose, write: Write, key: str) -> None:
    write("configs/sweep/foreign.yaml", f"{key}\n{SPACE}")

    name = key.partition(":")[0]
    assert composed("foreign").notes == (f"configs/sweep/foreign.yaml:1: sweep.{name} has no effect here",)


def test_a_misspelled_key_of_a_sweep_is_not_taken_for_a_foreign_one(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/slip.yaml", f"{SPACE}metrc: reward\n")

    assert refusal("slip") == "configs/sweep/slip.yaml:6: sweep.metrc: unknown key (did you mean metric?)"


def test_a_key_that_belongs_elsewhere_is_not_taken_for_a_foreign_one(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/mixed.yaml", f"trainer: {{num_envs: 3}}\n{SPACE}")

    assert refusal("mixed") == (
        "configs/sweep/mixed.yaml:1: sweep.trainer: not a key of a sweep; "
        "move it to sweep_job.yaml, to a hardware preset or to the command line"
    )


def test_a_target_is_data_and_nothing_is_called(composed: Compose, write: Write) -> None:
    write("configs/sweep/target.yaml", f"_target_: os._exit\n{SPACE}")

    result = composed("target", "+trainer.env_kwargs._target_=os._exit")

    assert trainer_of(result).env_kwargs == {"_target_": "os._exit"}


# ------------------------------------------------------------------------------------------------ order


def test_each_layer_replaces_the_one_below_it(composed: Compose, write: Write) -> None:
    write("configs/trainer/ppo.yaml", "num_envs: 1\nbatch_size: 64\nupdate_epochs: 1\nminibatch_size: 16\nkind: ppo\n")
    base = (installed_dir() / "sweep_job.yaml").read_text()
    write("configs/sweep_job.yaml", base + "\ntrainer: {num_envs: 2, batch_size: 128, update_epochs: 2}\n")
    write(
        "configs/sweep/mine.yaml",
        """\
        # @package _global_
        trainer: {num_envs: 4, batch_size: 256}
        sweep:
          parameters:
            trainer.optimizer.learning_rate: {distribution: log_normal, min: 1e-4, max: 1e-3}
        """,
    )
    write("configs/hardware/mine.yaml", "# @package _global_\ntrainer: {num_envs: 8}\n")

    trainer = trainer_of(composed("mine", "+hardware=mine"))
    overridden = trainer_of(composed("mine", "+hardware=mine", "trainer.num_envs=16"))

    assert (trainer.minibatch_size, trainer.update_epochs, trainer.batch_size, trainer.num_envs) == (16, 2, 256, 8)
    assert overridden.num_envs == 16


def test_a_file_is_taken_from_the_config_dir_then_from_here_then_from_the_installed_ones(
    composed: Compose, write: Write, tmp_path: Path
) -> None:
    write("mine/sim/sweep_eval.yaml", "name: from_config_dir\nsimulations: {a: {env: CartPole-v1}}\n")
    write("configs/sim/sweep_eval.yaml", "name: from_here\nsimulations: {a: {env: CartPole-v1}}\n")
    write("configs/sweep/mine.yaml", SPACE)

    assert composed("mine", config_dir=tmp_path / "mine").job.sim.name == "from_config_dir"
    assert composed("mine").job.sim.name == "from_here"
    assert trainer_of(composed("mine")).env == "CartPole-v1"  # trainer/ppo.yaml is the installed one


def test_a_config_dir_that_does_not_exist_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    assert refusal("quick", config_dir=tmp_path / "nowhere").endswith("expected a folder that exists")


def test_configs_load_from_any_folder_that_holds_a_copy(composed: Compose, tmp_path: Path) -> None:
    copytree(installed_dir(), tmp_path / "copy")

    assert composed("quick", config_dir=tmp_path / "copy").job == composed("quick").job


def test_a_sweep_may_lie_in_a_folder_of_its_own_and_build_on_another(composed: Compose, write: Write) -> None:
    write("configs/sweep/atari/mine.yaml", "defaults:\n  - /sweep/quick@_here_\n  - _self_\nmetric: score\n")

    result = composed("atari/mine")

    assert (result.sweep, result.job.sweep.metric) == ("atari/mine", "score")
    assert result.job.sweep_run == "atari-mine-20260102-123045"


CHOOSING = """
defaults:
  - override /trainer: mine
  - override /sim: none
"""


def test_a_sweep_chooses_the_trainer_and_the_suite_that_belong_to_it(composed: Compose, write: Write) -> None:
    write("configs/trainer/mine.yaml", "kind: function\nfunction: mine:train\nsize: 3\n")
    write("configs/sweep/mine.yaml", CHOOSING + SPACE)

    composed_one = composed("mine")

    trainer = trainer_of(composed_one)
    assert (trainer.function, trainer.size, composed_one.job.is_evaluated) == ("mine:train", 3, False)


def test_the_command_line_chooses_after_the_sweep(composed: Compose, write: Write) -> None:
    write("configs/trainer/mine.yaml", "kind: function\nfunction: mine:train\n")
    write("configs/sweep/mine.yaml", CHOOSING + SPACE)

    job = composed("mine", "trainer=ppo", "sim=sweep_eval").job

    assert (job.trainer.kind, job.is_evaluated) == ("ppo", True)


def test_a_trainer_that_a_sweep_chooses_must_be_there(refusal: Refusal, write: Write) -> None:
    write("configs/trainer/main.yaml", "kind: noop\n")
    write("configs/sweep/mine.yaml", CHOOSING + SPACE)

    assert refusal("mine").startswith("trainer=mine: no such config (did you mean main?); expected one of ")


def test_a_trainer_of_ones_own_starts_from_an_installed_one(composed: Compose, write: Write) -> None:
    write("configs/trainer/mine.yaml", "defaults: [ppo, _self_]\nenv: Acrobot-v1\n")

    trainer = trainer_of(composed("quick", "trainer=mine"))

    assert (trainer.kind, trainer.env, trainer.batch_size) == ("ppo", "Acrobot-v1", 2048)


# ------------------------------------------------------------------------------------------------ names and places


def test_without_a_name_a_fresh_one_is_made(composed: Compose) -> None:
    assert composed("full").job.sweep_run == "full-20260102-123045"
    assert composed(None).job.sweep_run == "quick-20260102-123045"
    assert composed(None, "sweep=full", "sweep_run=null").job.sweep_run == "full-20260102-123045"


@pytest.mark.parametrize("name", ["001", "1e3", "no", "12", "true", "0x10"])
def test_a_name_is_what_was_written(composed: Compose, name: str) -> None:
    assert composed("quick", f"sweep_run={name}").job.sweep_run == name
    assert composed("quick", f"run='{name}'").job.runs_dir == f"./train_dir/sweep/{name}/runs"


def test_a_name_that_a_file_turns_into_a_number_must_be_quoted(
    refusal: Refusal, composed: Compose, write: Write
) -> None:
    base = (installed_dir() / "sweep_job.yaml").read_text()
    write("configs/sweep_job.yaml", base.replace("sweep_run: null ", "sweep_run: 1e3 "))
    assert refusal("quick") == "configs/sweep_job.yaml:18: sweep_run is 1000: expected a text; put quotes around it"

    write("configs/sweep_job.yaml", base.replace("sweep_run: null ", "sweep_run: '1e3' "))
    assert composed("quick").job.sweep_run == "1e3"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "", "a b", "a" * 300, "x;reboot", "\u202ex"])
def test_a_name_that_is_no_folder_is_refused(refusal: Refusal, name: str) -> None:
    assert "; use for example sweep_run=" in refusal("quick", f"sweep_run={name}")


def test_the_data_folder_is_the_argument_or_the_one_in_the_environment_or_train_dir(
    composed: Compose, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert composed("quick").job.data_dir == "./train_dir"
    monkeypatch.setenv("DATA_DIR", "/scratch/me")
    assert composed("quick", "sweep_run=x").job.runs_dir == "/scratch/me/sweep/x/runs"
    assert composed("quick", "data_dir=/other", "sweep_run=x").job.runs_dir == "/other/sweep/x/runs"
    assert composed("quick", "sweep_run=x", data_dir=Path("/third")).job.runs_dir == "/third/sweep/x/runs"
    assert composed("quick", "runs_dir=s3://bucket/runs").job.runs_dir == "s3://bucket/runs"


def test_two_data_folders_are_refused(refusal: Refusal) -> None:
    assert refusal("quick", "data_dir=/a", data_dir=Path("/b")).startswith("command line: data_dir: written twice")


def test_a_sweep_job_without_folders_gets_them(composed: Compose, write: Write) -> None:
    write(
        "configs/sweep_job.yaml",
        "defaults:\n  - trainer: ppo\n  - sim: sweep_eval\n  - sweep: quick\n  - _self_\nsweep_run: ???\ndevice: cpu\n",
    )

    job = composed("quick", "+wandb=offline").job

    assert (job.data_dir, job.runs_dir) == ("./train_dir", "./train_dir/sweep/quick-20260102-123045/runs")
    assert (job.device, job.wandb.mode) == ("cpu", "offline")


def test_nothing_is_written(composed: Compose, tmp_path: Path) -> None:
    composed("full", "+hardware=macbook")

    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ what is wrong


def test_an_unknown_config_is_refused_with_those_that_exist(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/mine.yaml", SPACE)

    sentence = refusal("qick")

    assert sentence.startswith(
        "sweep=qick: no such config (did you mean quick?); expected one of full, mine, quick in "
    )
    assert "configs/sweep" in sentence


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\nb", "quick.yaml", "full\u202e", ""])
def test_a_config_is_named_not_located(refusal: Refusal, name: str) -> None:
    assert "no such config" in refusal(name)


def test_an_unknown_key_in_a_file_is_located_with_what_was_meant(refusal: Refusal, write: Write) -> None:
    write("configs/trainer/ppo.yaml", "kind: ppo\noptimizer:\n  lerning_rate: 1e-3\n")

    assert refusal("quick") == (
        "configs/trainer/ppo.yaml:3: trainer.optimizer.lerning_rate: unknown key (did you mean learning_rate?); "
        "expected one of type, learning_rate, beta1, beta2, eps"
    )


def test_more_than_one_fault_is_counted(refusal: Refusal, write: Write) -> None:
    write("configs/wandb/off.yaml", "mode: 1\nprojekt: x\nentitty: y\n")

    assert refusal("quick").startswith(
        "configs/wandb/off.yaml:1: wandb.mode is 1: expected 'off', 'offline' or 'online'"
    )
    assert refusal("quick").endswith(" (and 2 more)")


def test_an_alias_of_a_wrong_type_in_a_simulation_is_located(refusal: Refusal, write: Write) -> None:
    write("configs/sim/sweep_eval.yaml", "simulations:\n  a:\n    env: CartPole-v1\n    num_episode: 3\n")

    assert refusal("quick") == (
        "configs/sim/sweep_eval.yaml:4: sim.simulations.a.num_episode: unknown key (did you mean num_episodes?); "
        "expected one of env, env_kwargs, num_episodes, max_time_s"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed: 017", "configs/trainer/ppo.yaml:1: seed: 017 would be read as an octal number"),
        ("env: no", "configs/trainer/ppo.yaml:1: env: no would be read as false; quote it ('no') or write false"),
        ("env: [a", "configs/trainer/ppo.yaml:1:8: malformed YAML: "),
        ("", "configs/trainer/ppo.yaml: empty; "),
        ("env: !!python/name:os.system x", "configs/trainer/ppo.yaml:1: got the tag "),
        ("env: a\nenv: b", "configs/trainer/ppo.yaml:2: env: written twice (first in line 1); keep one of them"),
    ],
)
def test_a_file_that_the_guard_refuses_is_never_loaded(
    refusal: Refusal, write: Write, text: str, sentence: str
) -> None:
    write("configs/trainer/ppo.yaml", text)

    assert refusal("quick").startswith(sentence)


def test_a_header_that_hydra_does_not_know_is_located(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/mine.yaml", f"# @package _global_ of course\n{SPACE}")

    assert refusal("mine").startswith("configs/sweep/mine.yaml:1: Too many components in")


def test_the_other_ending_is_pointed_out(refusal: Refusal, write: Write) -> None:
    write("configs/sweep/mine.yml", SPACE)

    assert refusal("mine").endswith("; rename mine.yml to mine.yaml")


def test_a_file_that_is_not_chosen_need_not_be_right(composed: Compose, write: Write) -> None:
    write("configs/sweep/broken.yaml", "a: [")

    assert composed("quick").sweep == "quick"


def test_a_small_number_with_an_exponent_is_a_number(composed: Compose, write: Write) -> None:
    write("configs/trainer/ppo.yaml", "kind: ppo\ntotal_timesteps: 1e6\noptimizer: {eps: 1e-4}\n")

    trainer = trainer_of(composed("quick"))

    assert (trainer.optimizer.eps, trainer.total_timesteps) == (1e-4, 1_000_000)


def test_a_missing_value_is_named(refusal: Refusal) -> None:
    assert refusal("quick", "trainer=function").endswith(
        "configs/trainer/function.yaml:8: trainer.function: missing; "
        "set it, for example on the command line with trainer.function=..."
    )


def test_a_number_must_be_finite(refusal: Refusal, write: Write) -> None:
    write("configs/trainer/noop.yaml", "kind: noop\nmine: [1, .inf]\n")

    assert refusal("quick", "trainer=noop") == (
        "configs/trainer/noop.yaml:2: trainer.mine[1] is inf: expected a finite number"
    )


def test_an_interpolation_that_leads_nowhere_is_located(refusal: Refusal, write: Write) -> None:
    write("configs/sim/sweep_eval.yaml", "name: ${nowhere}\n")

    assert refusal("quick") == (
        "configs/sim/sweep_eval.yaml:1: sim.name: Interpolation key 'nowhere' not found; write the value itself"
    )


def test_an_interpolation_that_refers_to_itself_is_refused(refusal: Refusal, write: Write) -> None:
    write("configs/sim/sweep_eval.yaml", "name: ${sim.name}\n")

    assert refusal("quick") == (
        "configs/sim/sweep_eval.yaml:1: sim.name: Recursive interpolation detected; write the value itself"
    )


def test_a_very_long_chain_of_interpolations_is_refused(refusal: Refusal, write: Write) -> None:
    chain = "".join(f"k{n}: ${{trainer.k{n + 1}}}\n" for n in range(2000))
    write("configs/trainer/noop.yaml", f"kind: noop\n{chain}k2000: 1\n")

    assert refusal("quick", "trainer=noop") == (
        "configs/trainer/noop.yaml:2: trainer.k0: the chain of interpolations (${...}) is too long; "
        "write the value itself"
    )


def test_a_search_path_of_hydra_does_not_lead_past_the_guard(refusal: Refusal, write: Write) -> None:
    base = (installed_dir() / "sweep_job.yaml").read_text()
    write("configs/sweep_job.yaml", base + "\nhydra: {searchpath: ['file:///tmp']}\n")

    assert refusal("quick") == (
        "configs/sweep_job.yaml: hydra.searchpath: has no effect here; give the folder as --config-dir"
    )


def test_a_defaults_list_cannot_lead_out_of_the_folder(refusal: Refusal, write: Write) -> None:
    write("secret.yaml", "parameters: {}\n")
    write("configs/sweep/out.yaml", "defaults:\n  - ../../secret\n  - _self_\nmetric: reward\n")

    assert "got 'sweep/../../secret'; expected the name of a config inside" in refusal("out")


def test_a_config_may_be_a_link_to_elsewhere(composed: Compose, write: Write, tmp_path: Path) -> None:
    write("configs/sweep/mine.yaml", SPACE).rename(tmp_path / "elsewhere.yaml")
    (tmp_path / "configs/sweep/mine.yaml").symlink_to(tmp_path / "elsewhere.yaml")

    assert composed("mine").sweep == "mine"


def test_settings_of_hydra_itself_are_left_out(composed: Compose, write: Write) -> None:
    base = (installed_dir() / "sweep_job.yaml").read_text()
    base = base.replace("- sweep: quick", "- sweep: quick\n  - override hydra/job_logging: disabled\n  -")
    write("configs/sweep_job.yaml", base.replace("  -  ", "") + "\nhydra: {run: {dir: /tmp/x}}\n")

    assert composed("quick").sweep == "quick"


def test_a_ppo_that_nobody_scores_is_refused(refusal: Refusal) -> None:
    assert refusal("quick", "sim=none").startswith("sim has no simulations and the trainer ppo reports no score")


def test_a_gpu_in_the_cpu_queue_is_refused(refusal: Refusal) -> None:
    assert refusal("quick", "+hardware=gpu", "queue=cpu").startswith("device is cuda and queue is cpu; set queue=gpu")


def test_sizes_that_do_not_divide_are_refused_with_a_size_that_does(refusal: Refusal) -> None:
    assert refusal("quick", "trainer.batch_size=4096", "trainer.num_envs=60") == (
        "command line: trainer.batch_size is 4096: expected a multiple of num_envs (60); use for example 4080"
    )


def test_the_evaluation_follows_the_environment_that_is_trained(composed: Compose) -> None:
    suite = composed("quick", "trainer.env=Acrobot-v1", "+trainer.env_kwargs.a=1").job.sim.simulations["cartpole"]

    assert (suite.env, suite.env_kwargs) == ("Acrobot-v1", {"a": 1})


def test_protein_settings_are_checked_by_their_own_model(composed: Compose, write: Write) -> None:
    def validate(settings: object) -> list[str]:
        if settings == {"num_random_sample": 5}:
            raise ConfigError("unknown key", path="protein.num_random_sample")
        return ["use_gpu has no effect"]

    write("configs/sweep/mine.yaml", f"protein:\n  num_random_sample: 5\n{SPACE}")

    assert composed("quick", validate_protein=validate).notes == ("use_gpu has no effect",)
    with pytest.raises(ConfigError, match=r"^configs/sweep/mine.yaml:2: protein.num_random_sample: unknown key"):
        composed("mine", validate_protein=validate)


# ------------------------------------------------------------------------------------------------ commands

COMMAND = """\
metric: reward
parameters:
  trainer:
    rate: {distribution: log_normal, min: 1e-4, max: 1e-3}
    kind_of: {distribution: categorical, values: [a, b]}
    only_a: {distribution: uniform, min: 0, max: 1, when: {trainer.kind_of: a}}
"""


def test_a_command_names_what_is_searched_and_what_the_config_says(composed: Compose, write: Write) -> None:
    write("configs/sweep/mine.yaml", COMMAND)
    write(
        "configs/trainer/mine.yaml",
        "kind: command\ncommand: ./train.sh {trainer.rate} {trainer.data} {seed}\ndata: x\n",
    )

    trainer = trainer_of(composed("mine", "trainer=mine", "sim=none"))

    assert trainer.command == ("./train.sh", "{trainer.rate}", "{trainer.data}", "{seed}")


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("./train.sh {trainer.rat}", ": unknown placeholder {trainer.rat} (did you mean trainer.rate?)"),
        ("./train.sh {trainer.only_a}", ": {trainer.only_a} has no value in runs where it is inactive"),
        ("./train.sh 'x", ' is "./train.sh \'x": cannot be split into words (no closing quotation)'),
        ("[]", ": empty; expected a program and its arguments"),
        ("3", " is 3: expected a text or a list of words"),
    ],
)
def test_a_command_that_cannot_be_started_is_refused_with_its_line(
    refusal: Refusal, write: Write, command: str, fault: str
) -> None:
    write("configs/sweep/mine.yaml", COMMAND)
    write("configs/trainer/mine.yaml", f"kind: command\n\ncommand: {command}\n")

    said = refusal("mine", "trainer=mine", "sim=none")

    assert said.startswith(f"configs/trainer/mine.yaml:3: trainer.command{fault}")


def test_a_command_cannot_be_searched(refusal: Refusal, write: Write) -> None:
    write(
        "configs/sweep/mine.yaml",
        "parameters: {trainer: {command: {distribution: categorical, values: [./a.sh, ./b.sh]}}}",
    )

    write("configs/trainer/mine.yaml", "kind: command\ncommand: ./a.sh\n")

    said = refusal("mine", "trainer=mine", "sim=none")

    assert "trainer.command: cannot be searched; search a key of your own, and use it in the command" in said


def test_a_frozen_command_is_what_was_composed(composed: Compose) -> None:
    job = composed("quick", "trainer=command", "trainer.command='./train.sh {args}'", "sim=none").job

    assert from_plain(to_plain(job)) == job
