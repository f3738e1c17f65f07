"""A GPT-2 folder to one with its matrices in 8 or 4 bits, one tensor at a time."""

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from ...atomic import new_folder
from ...encode.strict_state import Says, account, require_finite
from ...errors import InputError
from ...json_file import read_json
from ..gpt2_config import read_gpt2_config
from .folder import matrix_maker
from .gpt2 import quantized_gpt2, stored_widths
from .matrix import Int4Matrix, Int8Matrix
from .tensor_stream import stream_safetensors
from .weight_storage import BLOCK, WeightStorage, storage_of

__all__ = ["QuantizedModel", "quantize_folder"]

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_TABLE, _OUTPUT = "transformer.wte", "lm_head.weight"
# Causal masks that older transformers saved beside the weights.
_NO_WEIGHTS = (".attn.bias", ".attn.masked_bias")
_AGAIN = "check n_layer in config.json, or convert it again"
_SAYS = Says(
    "a GPT-2 of these sizes",
    missing=_AGAIN,
    unknown=_AGAIN,
    misshapen="config.json and weights belong to different models",
    not_finite="convert it again",
)


@dataclass(frozen=True)
class QuantizedModel:
    """Sizes of a quantized model that was written.

    Attributes:
        n_parameters: Weights of the model.
        n_bytes: Size of the weight file.
    """

    n_parameters: int
    n_bytes: int


def quantize_folder(
    source: Path,
    out: Path,
    *,
    storage: WeightStorage,
    on_written: Callable[[int, int], None] = lambda _done, _total: None,
) -> QuantizedModel:
    """Rounds the matrices of a GPT-2 folder; vectors (biases, norms) and the position table become float32.

    Memory holds one tensor at a time beside the mapped input. The folder appears whole or not at all.

    Args:
        source: A GPT-2 folder with safetensors weights, in one file or several, such as a converted CPM-LM.
        out: The folder to make.
        storage: In how many bits.
        on_written: Told after each tensor how many are written of how many.

    Returns:
        The sizes.

    Raises:
        InputError: The source is no GPT-2 folder, is quantized already, lacks a tensor or has one that is unknown, of
            another shape, or not finite; the disk has too little room; or ``out`` holds something.
    """
    values = read_gpt2_config(source)
    if storage_of(source) is not None:
        raise InputError("the folder is quantized already", where=source, fix="quantize the float model it was made of")
    config = GPT2Config(**values)
    widths = stored_widths(config)
    state = quantized_gpt2(config, matrix_maker(storage)).state_dict()
    names = sorted((name for name in state if not name.startswith("lm_head.")), key=lambda name: ".matrix." not in name)
    plan = {name: state[name] for name in names}
    n_done, rounded = 0, ("", {"": torch.empty(0)})
    with ExitStack() as files, new_folder(out) as folder:
        read = _checked_reader(source, config, files)

        def planned(name: str) -> Tensor:
            nonlocal n_done, rounded
            module, _, leaf = name.partition(".matrix.")
            n_done += 1
            on_written(n_done, len(plan))
            if not leaf:
                return read(name).float()
            if rounded[0] != module:
                rounded = (module, {})
                matrix = _round(read(f"{module}.weight"), module, storage)
                rounded = (module, dict(matrix.state_dict()))
            return rounded[1][leaf]

        stream_safetensors(folder / _WEIGHTS, plan, planned)
        for path in source.iterdir():
            is_other = path.name not in ("config.json", _INDEX) and path.suffix not in (".safetensors", ".bin")
            if path.is_file() and is_other:
                shutil.copy(path, folder / path.name)
        block = {"quantization": storage.model_dump(mode="json")}
        # Last, since without it nothing loads the folder.
        (folder / "config.json").write_text(json.dumps({**values, BLOCK: block}, indent=2) + "\n", encoding="utf-8")
        n_bytes = (folder / _WEIGHTS).stat().st_size
    n_matrices = sum(output * source_width for output, source_width in widths.values())
    n_floats = sum(tensor.numel() for name, tensor in plan.items() if ".matrix." not in name)
    return QuantizedModel(n_matrices + n_floats, n_bytes)


def _round(weight: Tensor, module: str, storage: WeightStorage) -> Int8Matrix | Int4Matrix:
    # GPT-2 stores its maps as [in, out].
    matrix = weight if module == _TABLE else weight.mT
    kind = type(matrix_maker(storage)(module, 1, 1))
    return kind.of(matrix, group=storage.group) if issubclass(kind, Int4Matrix) else Int8Matrix.of(matrix)


def _checked_reader(source: Path, config: GPT2Config, files: ExitStack) -> Callable[[str], Tensor]:
    handles, headers = {}, {}
    for path in _weight_files(source):
        try:
            file = files.enter_context(safe_open(path, framework="pt"))
        except (SafetensorError, FileNotFoundError) as error:
            raise InputError(f"cannot be read as safetensors ({error})", where=path, fix="get it again") from error
        for name in file.keys():  # noqa: SIM118 - the file is no dict
            if not name.endswith(_NO_WEIGHTS):
                handles[name] = path, file
                headers[name] = torch.empty(file.get_slice(name).get_shape(), device="meta")
    with torch.device("meta"):
        expected = GPT2LMHeadModel(config).state_dict()
    if _OUTPUT not in handles:
        del expected[_OUTPUT]
    account(headers, expected, where=source, says=_SAYS)

    def read(name: str) -> Tensor:
        path, file = handles[name]
        tensor: Tensor = file.get_tensor(name)
        require_finite(name, tensor, where=path, fix=_SAYS.not_finite)
        return tensor

    if _OUTPUT in handles and not torch.equal(read(_OUTPUT), read(f"{_TABLE}.weight")):
        raise InputError(
            f"'{_OUTPUT}' differs from '{_TABLE}.weight'",
            where=source,
            fix="only models whose output layer is the token table",
        )
    return read


def _weight_files(source: Path) -> list[Path]:
    if (source / _WEIGHTS).is_file():
        return [source / _WEIGHTS]
    index = source / _INDEX
    if not index.is_file():
        raise InputError(f"there is no {_WEIGHTS}", where=source, fix="convert the checkpoint with yanmo convert cpm")
    try:
        shards = set(map(str, read_json(index)["weight_map"].values()))
    except (KeyError, AttributeError, TypeError) as error:
        raise InputError(f"is no list of weight files ({error})", where=index, fix="get the file again") from error
    return [source / shard for shard in sorted(shards)]
