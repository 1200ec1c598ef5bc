from __future__ import annotations

import torch

from shared.rl.normalization import ObservationNormalizer, RunningMoments


def test_moments_that_are_merged_by_batches_are_those_of_all_values() -> None:
    data = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 50.0, 0.01]) + 7
    moments = RunningMoments(3)

    for batch in torch.split(data, [1, 60, 0, 39]):
        moments.update(batch)

    torch.testing.assert_close(moments.mean, data.double().mean(0))
    torch.testing.assert_close(moments.variance, data.double().var(0, correction=0))


def test_normalised_observations_have_unit_scale_and_no_outliers() -> None:
    normalizer = ObservationNormalizer(1)
    normalizer.update(torch.tensor([[90.0], [110.0]]))

    assert normalizer(torch.tensor([[100.0], [110.0], [1e6]])).flatten().round(decimals=3).tolist() == [0, 1, 10]
