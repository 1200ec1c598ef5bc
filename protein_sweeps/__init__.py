"""Hyperparameter sweeps for people who train on GPUs."""

from protein_sweeps.run import Stop, StopReason, TrainingRun

__all__ = ["Stop", "StopReason", "TrainingRun"]
