"""Scores against labels: counts, ranking, calibration and the official metric; knows no model."""

from .calibrate import platt_scaling, temperature_scaling
from .compare import Difference, compare_models
from .comparison_report import write_comparison
from .consistency import Consistency, measure_consistency
from .counts import Counts
from .curve import Curve, ranking_curve
from .judge import Interval, Judgement, TaskReport, fit_decisions, judge_across_halves, judge_stored
from .metrics import average_precision, brier_score, calibration_error, reliability_bins, roc_auc
from .official import OfficialScore, official_score
from .report import write_report
from .rules import fit_decision
from .scores import TaskScores
from .scoring import score_split, score_texts, with_looser
from .smooth_thresholds import cost_threshold, smooth_f1_threshold
from .thresholds import ThresholdRule, best_f1_threshold, precision_threshold, recall_threshold
from .truncation import Truncation, measure_truncation

__all__ = [
    "Consistency",
    "Counts",
    "Curve",
    "Difference",
    "Interval",
    "Judgement",
    "OfficialScore",
    "TaskReport",
    "TaskScores",
    "ThresholdRule",
    "Truncation",
    "average_precision",
    "best_f1_threshold",
    "brier_score",
    "calibration_error",
    "compare_models",
    "cost_threshold",
    "fit_decision",
    "fit_decisions",
    "judge_across_halves",
    "judge_stored",
    "measure_consistency",
    "measure_truncation",
    "official_score",
    "platt_scaling",
    "precision_threshold",
    "ranking_curve",
    "recall_threshold",
    "reliability_bins",
    "roc_auc",
    "score_split",
    "score_texts",
    "smooth_f1_threshold",
    "temperature_scaling",
    "with_looser",
    "write_comparison",
    "write_report",
]
