"""Chooses calibration and thresholds of a matcher's folder anew, as that folder scores: an export rounds its weights.

    python recipes/fit_thresholds.py FOLDER --data DATA [--tasks standards] [--normalize] [--split valid]

The task set may be newer than the folder's, as long as it has the same tasks in the same order: titles, headings and
budgets are then its own. ``--normalize`` declares all steps of reading (`yanmo.tokenize.TextNormalization`) for a
matcher that was trained before there were any. F1 and AUC, by rules of the other half, are printed and go into
``matching.json``.
"""

import argparse
import json
from pathlib import Path

from rich.console import Console

from yanmo import Matcher
from yanmo.data import TaskSet, read_split
from yanmo.errors import InputError
from yanmo.evaluate import fit_decisions, score_split
from yanmo.match import MatchingFile
from yanmo.match.folder_record import write_files
from yanmo.tokenize import TextNormalization


def main() -> None:
    """Scores, fits and writes the folder's decisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", help="a task file, or a set that ships; the folder's own if left out")
    parser.add_argument("--normalize", action="store_true", help="declare all steps of reading")
    parser.add_argument("--split", default="valid")
    arguments = parser.parse_args()
    matching = MatchingFile.load(arguments.folder)
    task_set = matching.task_set if arguments.tasks is None else TaskSet.load(arguments.tasks)
    if task_set.names != matching.task_set.names:
        fix = f"name {', '.join(matching.task_set.names)}"
        raise InputError("has other tasks than the folder", where=arguments.tasks, fix=fix)
    update: dict[str, object] = {"task_set": task_set}
    if arguments.normalize:
        update["normalization"] = TextNormalization()
    matching = matching.model_copy(update=update)
    _write(matching, arguments.folder)
    split = read_split(arguments.data, task_set, arguments.split)
    decisions, judgement = fit_decisions(score_split(Matcher.from_pretrained(arguments.folder), split))
    _write(matching.model_copy(update={"decisions": decisions}), arguments.folder)
    console = Console()
    for name, report in judgement.tasks.items() if judgement else ():
        console.print(f"{name} F1 {report.f1:.3f} AUC {report.auc:.3f}", highlight=False)
    print(json.dumps(judgement.as_json()["official"] if judgement else {}))


def _write(matching: MatchingFile, folder: Path) -> None:
    matching.save(folder)
    write_files(folder)


if __name__ == "__main__":
    main()
