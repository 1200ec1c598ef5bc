"""The first points, candidates around good ones, and the climb."""

from __future__ import annotations

import numpy as np
import pytest

from services.suggester.protein.acquisition import Acquisition
from services.suggester.protein.candidates import Cube, around, climb, design_point, everything
from services.suggester.protein.surrogate import Surrogate, log_prior
from shared.domain.search_space import SearchSpace


def an_acquisition(cube: Cube, units: np.ndarray, losses: np.ndarray) -> Acquisition:
    loss = Surrogate(cube.features(units), cube.owners, losses, log_prior(cube.owners).mean)
    return Acquisition(loss, float(losses.min()))


def test_the_first_points_are_drawn_towards_the_search_centre_and_differ_by_seed(line: SearchSpace) -> None:
    points = np.array([design_point(Cube(line), seed=3, index=k) for k in range(64)])

    assert (points >= 0.15).all()
    assert (points <= 0.85).all()
    assert points.std() == pytest.approx(0.7 / np.sqrt(12), abs=0.02)
    assert design_point(Cube(line), seed=4, index=0) != points[0]


def test_the_first_points_use_every_category(mixed: SearchSpace) -> None:
    cube = Cube(mixed)
    params = [mixed.decode(design_point(cube, seed=0, index=k)) for k in range(12)]

    assert {p["trainer.optimizer"] for p in params} == {"adam", "muon", "sgd"}


def test_everything_lists_each_configuration_of_a_finite_space_once(six: SearchSpace) -> None:
    params = [six.decode(unit) for unit in everything(six)]

    assert len({(p["n"], p["kind"]) for p in params}) == len(params) == 6


def test_two_categories_are_one_unit_apart_whatever_their_order(mixed: SearchSpace) -> None:
    cube = Cube(mixed)
    kinds = [mixed.encode({**mixed.centre(), "trainer.optimizer": name}) for name in ("adam", "muon", "sgd")]

    features = cube.features(np.array(kinds))

    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert np.linalg.norm(features[i] - features[j]) == pytest.approx(1.0)


def test_candidates_around_a_point_move_at_least_one_parameter_and_leave_others(mixed: SearchSpace) -> None:
    cube, centre = Cube(mixed), mixed.encode(mixed.centre())

    units = around(cube, np.random.default_rng(0), centre[None], each=300, scale=1.0)

    assert mixed.snap(units) == pytest.approx(units)
    kept = (units == mixed.snap(centre[None])).mean(axis=0)
    assert ((kept > 0.1) & (kept < 0.98))[:7].all()
    assert kept[7] == 1.0  # the constant


def test_a_wider_search_scale_moves_candidates_further(line: SearchSpace) -> None:
    def spread(scale: float) -> float:
        rng = np.random.default_rng(0)
        return float(np.abs(around(Cube(line), rng, np.array([[0.5]]), each=400, scale=scale) - 0.5).mean())

    assert spread(2.0) > 1.5 * spread(0.5)


def test_the_climb_ends_higher_and_never_lower_and_inside_the_cube(mixed: SearchSpace) -> None:
    cube, rng = Cube(mixed), np.random.default_rng(0)
    units = mixed.snap(rng.random((15, len(mixed))))
    acquisition = an_acquisition(cube, units, rng.standard_normal(15))
    starts = mixed.snap(rng.random((5, len(mixed))))

    ends = climb(cube, acquisition, starts, steps=20)

    before, after = acquisition(cube.features(starts)), acquisition(cube.features(ends))
    assert (after >= before - 1e-9).all()
    assert after.mean() > before.mean() + 0.3
    assert ((ends >= 0) & (ends <= 1)).all()


def test_the_climb_reaches_the_maximum_of_a_smooth_acquisition(line: SearchSpace) -> None:
    cube = Cube(line)
    units = np.array([[0.0], [0.3], [0.9]])
    acquisition = an_acquisition(cube, units, np.array([0.5, -1.0, 1.0]))
    grid = np.linspace(0.05, 0.6, 2000)[:, None]

    end = climb(cube, acquisition, np.array([[0.2]]), steps=30)
    near = grid[(grid[:, 0] > 0.05) & (grid[:, 0] < 0.29)]

    assert acquisition(cube.features(end))[0] >= acquisition(cube.features(near)).max() - 1e-3
