"""The store as a read-only storage of Optuna."""

from __future__ import annotations

import copy
import threading
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from services.dashboard.optuna_internals import FrozenStudy, system_attributes
from services.dashboard.trials import distribution_of, trial_of
from shared.config.frozen import job_of
from shared.config.searched import space_of
from shared.domain.errors import SweepError
from shared.domain.events import RunClaimed, RunEnded
from shared.domain.run import run_id
from shared.domain.sweep import Sweep
from shared.store.store import Store
from shared.tracking.links import run_link, sweep_link

MOST_RUNS: Final = 10_000_000
"""The id of a trial is that of its study times this, plus the number of the run."""
MANY: Final = 50
"""If more runs changed, all runs are read at once."""
REFUSAL: Final = "the dashboard is read-only: change sweeps with sweepctl"


class ReadOnly(SweepError):
    """A request would write through the dashboard."""


@dataclass
class Watched:
    """A sweep at the last request, up to `position` of its log."""

    study_id: int
    sweep: Sweep
    distributions: dict[str, BaseDistribution]
    position: int = 0
    began: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)
    trials: dict[int, FrozenTrial] = field(default_factory=dict)


class SweepStorage(BaseStorage):
    """Sweeps as studies; `names` are the sweeps to show (none: all sweeps, also later ones).

    Changes since the last request are read from the log, so a request takes time for the changes and not for the size
    of a sweep. Thread-safe.
    """

    def __init__(self, store: Store, names: Sequence[str] = ()) -> None:
        self._store, self._names = store, tuple(names)
        self._watched: dict[str, Watched] = {}
        self._lock = threading.RLock()

    # ---------------------------------------------------------------------------------------------- studies

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return all sweeps, the newest last."""
        with self._lock:
            return [self._study(self._look(name)) for name in self._shown()]

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the study id of a sweep. Raises KeyError."""
        with self._lock:
            return self._look(study_name).study_id

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of a sweep. Raises KeyError."""
        return self._by_id(study_id).sweep.name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the goal of a sweep."""
        return [StudyDirection[self._by_id(study_id).sweep.goal.upper()]]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the facts that Optuna has no field for."""
        sweep = self._by_id(study_id).sweep
        method = job_of(sweep).sweep.method
        return {"state": str(sweep.state), "reason": sweep.reason, "method": method, "spent": sweep.spent}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the name of the metric, and a note with links and commands."""
        sweep = self._by_id(study_id).sweep
        lines = [f"Sweep `{sweep.name}`, read-only. As one page: `sweepctl report {sweep.name}`."]
        link = sweep_link(sweep)
        lines += [f"[Weights & Biases]({link})"] if link else []
        return system_attributes(metric=sweep.metric, note="\n\n".join(lines))

    # ---------------------------------------------------------------------------------------------- trials

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the runs of a sweep by number."""
        with self._lock:
            watched = self._by_id(study_id)
            self._catch_up(watched)
            found = [watched.trials[number] for number in sorted(watched.trials)]
        chosen = [trial for trial in found if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one run. Raises KeyError."""
        study_id, number = divmod(trial_id, MOST_RUNS)
        with self._lock:
            watched = self._by_id(study_id)
            self._catch_up(watched)
            return watched.trials[number]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return the trial id of a run. Raises KeyError."""
        trial_id = study_id * MOST_RUNS + trial_number
        self.get_trial(trial_id)
        return trial_id

    # ---------------------------------------------------------------------------------------------- reading

    def _shown(self) -> Iterable[str]:
        return self._names or self._store.sweeps.names()

    def _look(self, name: str) -> Watched:
        """Return the current state of a sweep. Raises KeyError if it is not shown."""
        sweep = self._store.sweeps.find(name) if name in self._shown() else None
        if sweep is None:
            raise KeyError(name)
        if name not in self._watched:
            space = space_of(job_of(sweep))
            distributions = {parameter.path: distribution_of(parameter) for parameter in space.parameters}
            self._watched[name] = Watched(len(self._watched), sweep, distributions)
        self._watched[name].sweep = sweep
        return self._watched[name]

    def _by_id(self, study_id: int) -> Watched:
        with self._lock:
            if not self._watched:
                self.get_all_studies()
            found = next((one for one in self._watched.values() if one.study_id == study_id), None)
            if found is None:
                raise KeyError(study_id)
            return found

    def _catch_up(self, watched: Watched) -> None:
        name = watched.sweep.name
        changed: set[int] = set()
        while entries := self._store.sweeps.events(name, after=watched.position):
            for _, at_ms, event in entries:
                if event.run is None:
                    continue
                changed.add(event.run)
                if isinstance(event, RunClaimed):
                    watched.began.setdefault(event.run, _local(at_ms))
                elif isinstance(event, RunEnded):
                    watched.ended[event.run] = _local(at_ms)
            watched.position = entries[-1].position
        if watched.sweep.log_dropped and not watched.trials:
            changed = set(range(1, watched.sweep.created + 1))
        running = {number for number, trial in watched.trials.items() if not trial.state.is_finished()}
        self._take(watched, changed | running)

    def _take(self, watched: Watched, numbers: set[int]) -> None:
        name = watched.sweep.name
        if len(numbers) > MANY:
            runs = [run for run in self._store.runs.all(name) if run.number in numbers]
        else:
            runs = [self._store.runs.get(run_id(name, number)) for number in sorted(numbers)]
        progress = self._store.runs.progress(name, numbers)
        for run in runs:
            watched.trials[run.number] = trial_of(
                run,
                watched.distributions,
                trial_id=watched.study_id * MOST_RUNS + run.number,
                progress=progress.get(run.number),
                began=watched.began.get(run.number),
                ended=watched.ended.get(run.number),
                link=run_link(watched.sweep, run.id),
            )

    def _study(self, watched: Watched) -> FrozenStudy:
        return FrozenStudy(
            study_name=watched.sweep.name,
            direction=None,
            directions=self.get_study_directions(watched.study_id),
            user_attrs=self.get_study_user_attrs(watched.study_id),
            system_attrs=self.get_study_system_attrs(watched.study_id),
            study_id=watched.study_id,
        )

    # ---------------------------------------------------------------------------------------------- refused

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> NoReturn:
        """Raise ReadOnly, as all methods below do."""
        raise ReadOnly(REFUSAL)

    def delete_study(self, study_id: int) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> NoReturn:
        raise ReadOnly(REFUSAL)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> NoReturn:
        raise ReadOnly(REFUSAL)


def _local(at_ms: int) -> datetime:
    """Return the local time without a time zone, as Optuna stores it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().replace(tzinfo=None)
