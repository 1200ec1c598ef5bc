"""A method whose package is missing is refused with the remedy; no other one asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from shared.config.extras import check_extras
from shared.domain.errors import ConfigError

if TYPE_CHECKING:
    from tests.conftest import AJob


@pytest.mark.parametrize("method", ["bayes", "sobol"])
def test_the_plain_install_is_enough_for_methods_of_ours(
    a_job: AJob, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    check_extras(a_job(f"sweep.method={method}"))


@pytest.mark.parametrize("method", ["optuna-tpe", "optuna-gp"])
def test_a_method_of_optuna_needs_it(a_job: AJob, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    job = a_job(f"sweep.method={method}")
    check_extras(job)
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(ConfigError, match=rf"sweep.method is {method}: .* pip install 'protein-sweeps\[optuna\]'"):
        check_extras(job)
