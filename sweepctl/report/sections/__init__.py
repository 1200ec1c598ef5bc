"""The sections of a report: each module turns the material into one of them, as plain data."""

from __future__ import annotations

from sweepctl.report.material import Material
from sweepctl.report.section import Section
from sweepctl.report.sections.best import best_section
from sweepctl.report.sections.curves import curves_section
from sweepctl.report.sections.failures import failures_section
from sweepctl.report.sections.front import front_section
from sweepctl.report.sections.history import history_section
from sweepctl.report.sections.importance import importance_section
from sweepctl.report.sections.predictions import predictions_section
from sweepctl.report.sections.slices import slices_section
from sweepctl.report.sections.together import together_section
from sweepctl.report.sections.workers import workers_section

SECTIONS = (
    best_section,
    history_section,
    front_section,
    importance_section,
    slices_section,
    together_section,
    curves_section,
    predictions_section,
    failures_section,
    workers_section,
)


def sections_of(material: Material) -> list[Section]:
    """Return all sections of a report, in their order."""
    return [section(material) for section in SECTIONS]
