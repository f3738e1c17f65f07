"""Scores against labels: counts, ranking, calibration and the official metric; knows no model."""

from .calibrate import platt_scaling, temperature_scaling
from .counts import Counts
from .curve import Curve, ranking_curve
from .metrics import average_precision, brier_score, calibration_error, reliability_bins, roc_auc
from .official import OfficialScore, official_score
from .scores import TaskScores

__all__ = [
    "Counts",
    "Curve",
    "OfficialScore",
    "TaskScores",
    "average_precision",
    "brier_score",
    "calibration_error",
    "official_score",
    "platt_scaling",
    "ranking_curve",
    "reliability_bins",
    "roc_auc",
    "temperature_scaling",
]
