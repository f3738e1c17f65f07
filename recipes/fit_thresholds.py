"""Chooses calibration and thresholds of a matcher's folder anew, as that folder scores: an export rounds its weights.

    python recipes/fit_thresholds.py FOLDER --data DATA [--tasks standards] [--split valid]

The task set may be newer than the folder's, as long as it has the same tasks in the same order: titles, headings and
budgets are then its own. F1 and AUC, by rules of the other half, are printed and go into ``matching.json``.
"""

import argparse
import json
from pathlib import Path

from rich.console import Console

from yanmo import Matcher
from yanmo.data import TaskSet, read_split
from yanmo.errors import InputError
from yanmo.evaluate import fit_decisions, score_split
from yanmo.match.folder_record import write_files


def main() -> None:
    """Scores, fits and writes the folder's decisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", help="a task file, or a set that ships; the folder's own if left out")
    parser.add_argument("--split", default="valid")
    arguments = parser.parse_args()
    matcher = Matcher.from_pretrained(arguments.folder)
    known = matcher.matching.task_set
    task_set = known if arguments.tasks is None else TaskSet.load(arguments.tasks)
    if task_set.names != known.names:
        raise InputError("has other tasks than the folder", where=arguments.tasks, fix=f"name {', '.join(known.names)}")
    matcher.matching = matcher.matching.model_copy(update={"task_set": task_set})
    split = read_split(arguments.data, task_set, arguments.split)
    decisions, judgement = fit_decisions(score_split(matcher, split))
    matcher.matching.model_copy(update={"decisions": decisions}).save(arguments.folder)
    write_files(arguments.folder)
    console = Console()
    for name, report in judgement.tasks.items() if judgement else ():
        console.print(f"{name} F1 {report.f1:.3f} AUC {report.auc:.3f}", highlight=False)
    print(json.dumps(judgement.as_json()["official"] if judgement else {}))


if __name__ == "__main__":
    main()
