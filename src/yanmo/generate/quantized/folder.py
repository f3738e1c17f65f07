"""Loading folders of models in 8 or 4 bits by memory map."""

from collections.abc import Callable
from pathlib import Path

from transformers import GPT2Config, GPT2LMHeadModel

from ...encode import read_tensors
from ...encode.strict_state import Says, account
from ...errors import InputError
from ..gpt2_config import read_gpt2_config
from .gpt2 import quantized_gpt2
from .matrix import Int4Matrix, Int8Matrix
from .weight_storage import BLOCK, Bits, WeightStorage, storage_of

__all__ = ["load_quantized", "matrix_maker"]

_AGAIN = "quantize the model again with yanmo quantize"
_SAYS = Says("a quantized GPT-2 of these sizes", missing=_AGAIN, unknown=_AGAIN, misshapen=_AGAIN, not_finite=_AGAIN)


def matrix_maker(storage: WeightStorage) -> Callable[[str, int, int], Int8Matrix | Int4Matrix]:
    """Gives a function that makes the empty quantized matrix of a module.

    Args:
        storage: How matrices are stored.

    Returns:
        A function of the module's name, its output and its input width.
    """

    def make(name: str, out_width: int, in_width: int) -> Int8Matrix | Int4Matrix:
        bits = storage.table_bits if name == "transformer.wte" else storage.bits
        if bits is Bits.INT4:
            return Int4Matrix(out_width, in_width, group=storage.group)
        return Int8Matrix(out_width, in_width)

    return make


def load_quantized(folder: Path) -> GPT2LMHeadModel:
    """Loads a folder written by ``yanmo quantize``.

    Weights stay in the file, mapped into memory; no float copy of them is ever made, and processes share them. The file
    is read through once before: what the system fetches for a reader in order it keeps in larger pieces than what it
    fetches page by page for a mapping, and the products read those a tenth faster.

    Args:
        folder: The folder.

    Returns:
        The network; its parts that are not stored in few bits are float32. It computes on the processor only.

    Raises:
        InputError: The folder is not quantized, a file is missing or damaged, or a tensor is missing, unknown, of
            another shape or type, or not finite.
    """
    storage = storage_of(folder)
    if storage is None:
        raise InputError("the folder is not quantized", where=folder, fix="yanmo quantize FOLDER --bits 8 --out OUT")
    values = {name: value for name, value in read_gpt2_config(folder).items() if name != BLOCK}
    network = quantized_gpt2(GPT2Config(**{**values, "dtype": "float32"}), matrix_maker(storage))
    # The output layer's matrix is the table's; the file holds it once.
    expected = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("lm_head.")}
    tensors = read_tensors(folder)
    account(tensors, expected, where=folder, says=_SAYS, same_types=True)
    for path in folder.glob("*.safetensors"):
        _read_through(path)
    table = {name.replace("transformer.wte", "lm_head"): tensors[name] for name in tensors if ".wte." in name}
    network.load_state_dict({**tensors, **table}, strict=True, assign=True)
    return network.requires_grad_(False)


def _read_through(path: Path) -> None:
    piece = bytearray(2**20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass
