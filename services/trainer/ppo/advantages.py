"""How much better an action was than expected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def generalized_advantages(
    rewards: Array,
    values: Array,
    *,
    next_values: Array,
    terminated: Flags,
    done: Flags,
    gamma: float,
    gae_lambda: float,
) -> Array:
    """Generalized advantage estimation (Schulman et al. 2016, eq. 16); every array is (num_steps, num_envs).

    `next_values` are the values of the states in which the steps ended. After a terminated step the value is 0; after a
    time limit (`done`, not `terminated`) it is the next value. No error flows back over a `done`, so a reset step after
    it does not change the estimates before it; the estimate of the reset step itself has no meaning.
    """
    errors = rewards + gamma * next_values * ~terminated - values
    decay = gamma * gae_lambda * ~done
    advantages = np.empty_like(errors)
    ahead = np.zeros(errors.shape[1])
    for t in range(len(errors) - 1, -1, -1):
        ahead = errors[t] + decay[t] * ahead
        advantages[t] = ahead
    return advantages


def discounted_returns(rewards: Array, done: Flags, carried: Array, *, gamma: float) -> tuple[Array, Array]:
    """Return the discounted sum of the rewards so far in each episode.

    The result is the sums (num_steps, num_envs), and the sums to carry into the next rollout (num_envs,).
    """
    returns = np.empty_like(rewards)
    for t in range(len(rewards)):
        returns[t] = gamma * carried + rewards[t]
        carried = returns[t] * ~done[t]
    return returns, carried
