from __future__ import annotations

import numpy as np

from services.trainer.ppo.advantages import discounted_returns, generalized_advantages

GAMMA, LAMBDA = 0.9, 0.8


def estimate(rewards: list[float], values: list[float], last: float, **ends: list[bool]) -> list[float]:
    """One environment; each step ends in the state in which the next one starts."""
    column = np.array(values)[:, None]
    terminated = np.array(ends.get("terminated", [False] * len(rewards)))[:, None]
    truncated = np.array(ends.get("truncated", [False] * len(rewards)))[:, None]
    advantages = generalized_advantages(
        np.array(rewards)[:, None],
        column,
        next_values=np.append(column[1:], [[last]], axis=0),
        terminated=terminated,
        done=terminated | truncated,
        gamma=GAMMA,
        gae_lambda=LAMBDA,
    )
    return [float(value) for value in advantages[:, 0]]


def test_an_advantage_is_the_decaying_sum_of_the_temporal_difference_errors() -> None:
    errors = [1 + GAMMA * 6 - 5, 2 + GAMMA * 7 - 6, 3 + GAMMA * 8 - 7]

    advantages = estimate([1, 2, 3], [5, 6, 7], 8)

    decay = GAMMA * LAMBDA
    expected = [errors[0] + decay * errors[1] + decay**2 * errors[2], errors[1] + decay * errors[2], errors[2]]
    np.testing.assert_allclose(advantages, expected)


def test_after_a_termination_nothing_more_is_expected() -> None:
    np.testing.assert_allclose(estimate([1, 2], [5, 6], 100, terminated=[False, True])[1], 2 - 6)


def test_after_a_time_limit_the_value_of_the_last_state_is_expected() -> None:
    np.testing.assert_allclose(estimate([1, 2], [5, 6], 100, truncated=[False, True])[1], 2 + GAMMA * 100 - 6)


def test_the_reset_step_and_the_next_episode_do_not_change_the_ended_episode() -> None:
    ended = estimate([1, 2], [5, 6], 7, truncated=[False, True])

    with_more = estimate([1, 2, 0, 50], [5, 6, 7, -30], 900, truncated=[False, True, False, False])

    assert with_more[:2] == ended


def test_discounted_returns_start_at_zero_in_each_episode_and_continue_over_rollouts() -> None:
    returns, carried = discounted_returns(
        np.array([[1.0], [1.0], [1.0]]), np.array([[False], [True], [False]]), np.array([10.0]), gamma=0.5
    )

    assert returns[:, 0].tolist() == [6, 4, 1]
    assert carried.tolist() == [1]
