"""Protein, the optimizer: pure functions of a search space and its observations."""

from services.suggester.protein.designs import GridSearch, RandomSearch, SobolSearch
from services.suggester.protein.protein import Protein, UnusableCost
from services.suggester.protein.suggestion import BEGINNING, Suggestion
from services.suggester.protein.surrogate import NumericalWarning
from shared.config.protein import ProteinSettings

__all__ = [
    "BEGINNING",
    "GridSearch",
    "NumericalWarning",
    "Protein",
    "ProteinSettings",
    "RandomSearch",
    "SobolSearch",
    "Suggestion",
    "UnusableCost",
]
