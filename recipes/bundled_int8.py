"""Writes the bundled matcher anew with 8-bit products by row: from its graph of 4- and 8-bit blocks, without training.

    python recipes/bundled_int8.py OUT [--source FOLDER] [--lower int8-rows] [--upper int8-rows] [--table int4]

The graph's matrices are restored to the floats that they represent, and stored again in the forms named: nothing is
learned, so that scores move by the new rounding alone. FOLDER is any export by blocks, by default what is bundled.
"""

import argparse
import shutil
from pathlib import Path

from yanmo.export.onnx_export import export_graph
from yanmo.export.weight_plan import WeightPlan
from yanmo.match import Architecture, MatchingFile
from yanmo.match.engines.graph_weights import classifier_of_graph
from yanmo.match.folder_record import write_files
from yanmo.match.named_matcher import named_folder


def main() -> None:
    """Restores, stores and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", type=Path, default=named_folder("default"))
    parser.add_argument("--lower", default="int8-rows")
    parser.add_argument("--upper", default="int8-rows")
    parser.add_argument("--table", default="int4")
    arguments = parser.parse_args()
    source, out = arguments.source, arguments.out
    matching = MatchingFile.load(source)
    architecture = Architecture.model_validate(matching.model)
    classifier, config = classifier_of_graph(source, architecture, n_tasks=len(matching.task_set.tasks))
    first = architecture.conditional_from or 0
    plan = WeightPlan(arguments.table, arguments.lower, arguments.upper, upper_from=first)
    out.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("model.onnx", "files.json"):
            shutil.copyfile(path, out / path.name)
    export_graph(classifier, config, architecture, out / "model.onnx", plan=plan)
    write_files(out)
    print(f"{out}: {sum(path.stat().st_size for path in out.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
