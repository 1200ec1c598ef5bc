"""Why a worker cannot take a run: as data, which the worker logs and announces, and put into words here alone."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

RIGHTS, CODE, DEVICE, VERSION = "rights", "code", "device", "version"


class Refusal(BaseModel):
    """One reason why a worker cannot take a run.

    `kind` is `rights` (SWEEP_ALLOW does not name the code), `code` (it is missing), `device` or `version`; a newer
    worker can have other kinds. `entry_point` names what is refused: `package.module:function`, `env:module`,
    `command:program`, `cuda`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer worker can announce more

    kind: str
    entry_point: str = ""
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return "; ".join(part for part in (self.reason, self.remedy) if part)
