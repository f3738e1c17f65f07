"""Writes the bundled matcher anew with 8-bit products by row: from its graph of 4- and 8-bit blocks, without training.

    python recipes/bundled_int8.py OUT [--source FOLDER] [--lower int8-rows] [--upper int8-rows] [--table int4]

The graph's matrices are restored to the floats that they represent, and stored again in the forms named: nothing is
learned, so that scores move by the new rounding alone. FOLDER is any export by blocks, by default what is bundled.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

import yanmo
from yanmo.encode import EncoderConfig, read_config
from yanmo.export.block_weights import restore_blocks
from yanmo.export.folded import FoldedClassifier
from yanmo.export.onnx_export import export_folded
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import Architecture, MatchingFile
from yanmo.match.engines.torch_engine import build_classifier
from yanmo.match.folder_record import write_files

BUNDLED = Path(yanmo.__file__).parent / "assets" / "default"


def main() -> None:
    """Restores, stores and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", type=Path, default=BUNDLED)
    parser.add_argument("--lower", default="int8-rows")
    parser.add_argument("--upper", default="int8-rows")
    parser.add_argument("--table", default="int4")
    arguments = parser.parse_args()
    source, out = arguments.source, arguments.out
    folded, config, architecture = restored(source)
    first = architecture.conditional_from or 0
    plan = WeightPlan(arguments.table, arguments.lower, arguments.upper, upper_from=first)
    out.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("model.onnx", "files.json"):
            shutil.copyfile(path, out / path.name)
    export_folded(folded, config, architecture, out / "model.onnx", plan=plan)
    write_files(out)
    print(f"{out}: {sum(path.stat().st_size for path in out.iterdir()) / 1e6:.1f} MB")


def restored(folder: Path) -> tuple[FoldedClassifier, EncoderConfig, Architecture]:
    """Gives the float network that a graph of blocks represents."""
    matching, config = MatchingFile.load(folder), read_config(folder)
    architecture = Architecture.model_validate(matching.model)
    torch.manual_seed(0)
    folded = FoldedClassifier(build_classifier(config, architecture, n_tasks=len(matching.task_set.tasks)))
    state, found = folded.state_dict(), _tensors(folder / "model.onnx")
    missing = sorted(name for name, value in state.items() if name not in found or found[name].shape != value.shape)
    if missing:
        raise SystemExit(f"the graph lacks {', '.join(missing)}")
    folded.load_state_dict({name: torch.from_numpy(found[name].copy()) for name in state})
    return folded, config, architecture


def _tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    graph = onnx.load(path).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type in ("Cast", "Identity") and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
        elif node.op_type == "Transpose" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]].T
    tensors = {name.removeprefix("folded."): value for name, value in constants.items()}
    # The exporter turned the biases of the tasks into a column.
    [column] = [
        node.input[0]
        for node in graph.node
        if node.op_type == "Gather" and node.input[1] == "task" and constants[node.input[0]].shape[1:] == (1,)
    ]
    tensors["task_bias"] = constants[column][:, 0]
    for node in graph.node:
        if node.op_type in ("MatMulNBits", "GatherBlockQuantized"):
            codes = node.input[1 if node.op_type == "MatMulNBits" else 0]
            values = {each.name: each.i for each in node.attribute}
            form = WeightForm.INT4 if values["bits"] == 4 else WeightForm.INT8
            scales = torch.from_numpy(constants[node.input[2]].astype(np.float32))
            blocks = torch.from_numpy(constants[codes].copy()).view(*scales.shape, -1)
            n_columns = values.get("K", blocks.shape[1] * form.block)
            name = codes.removeprefix("folded.").removesuffix(".codes")
            tensors[f"{name}.weight"] = restore_blocks(blocks, scales, form, n_columns=n_columns).numpy()
    return {name: np.asarray(value) for name, value in tensors.items()}


if __name__ == "__main__":
    main()
