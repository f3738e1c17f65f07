"""A language model from its folder, strictly: every tensor accounted for, or an error that names it."""

from pathlib import Path

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from ..encode import read_tensors
from ..encode.strict_state import Says, account
from ..errors import InputError
from ..tokenize import CpmTokenizer, Tokenizer, load_text_tokenizer
from .bert_vocabulary import BertVocabulary
from .gpt2_config import read_gpt2_config
from .language_model import LanguageModel
from .language_tokenizer import LanguageTokenizer
from .quantized.weight_storage import storage_of

__all__ = ["gpt2_tensors", "language_tokenizer", "load_language_model", "load_network"]

# Causal masks that older transformers saved beside the weights.
_NO_WEIGHTS = (".attn.bias", ".attn.masked_bias")
_TABLE, _OUTPUT = "transformer.wte.weight", "lm_head.weight"
_AGAIN = "check n_layer in config.json, or convert or download the model again"
_SAYS = Says(
    "a GPT-2",
    missing=_AGAIN,
    unknown=_AGAIN,
    misshapen="config.json and weights belong to different models",
    not_finite="convert or download the model again",
)


def load_language_model(
    folder: Path,
    *,
    tokenizer: LanguageTokenizer | None = None,
    start: str | None = None,
    end: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> LanguageModel:
    """Loads a GPT-2 folder with its tokenizer: a converted CPM-LM, or any with BERT's vocabulary.

    Args:
        folder: Folder with ``config.json``, weights and tokenizer.
        tokenizer: A tokenizer in place of the folder's own.
        start: Token of BERT's vocabulary that stood before every text in training; None takes ``[CLS]``, an empty text
            none at all.
        end: Token of BERT's vocabulary that ends a document; None takes ``[SEP]``.
        dtype: Type the weights get; the folder's own type keeps them on disk until they are used.

    Returns:
        The model.

    Raises:
        InputError: A file is missing or damaged, the architecture is another one, a tensor is missing, unknown, of
            another shape or not finite, the tokenizer has another number of ids than the model, or its texts begin and
            end with other tokens than these.
    """
    if tokenizer is not None and (start is not None or end is not None):
        raise InputError("start and end belong to the folder's tokenizer, and another is given", fix="leave them out")
    try:
        network = load_network(folder, dtype=dtype)
        return LanguageModel(network, tokenizer or language_tokenizer(folder, start=start, end=end))
    except InputError as error:
        raise error if error.where else InputError(error.problem, where=folder, fix=error.fix) from error


def language_tokenizer(
    folder: Path, *, start: str | None = None, end: str | None = None
) -> CpmTokenizer | BertVocabulary:
    """Reads the tokenizer of a GPT-2 folder.

    Args:
        folder: The folder.
        start: As for `load_language_model`.
        end: As for `load_language_model`.

    Returns:
        CPM-LM's tokenizer or BERT's vocabulary, whichever the folder has.

    Raises:
        InputError: It has neither, or ``start`` and ``end`` are named for CPM-LM's.
    """
    found = load_text_tokenizer(folder)
    if isinstance(found, Tokenizer):
        return BertVocabulary(found, start="[CLS]" if start is None else start, end="[SEP]" if end is None else end)
    if not isinstance(found, CpmTokenizer):
        raise InputError(f"a tokenizer of the kind {type(found).__name__} is none of a language model", where=folder)
    if start is not None or end is not None:
        raise InputError("tokens that begin and end texts are named for BERT's vocabulary; CPM-LM's has its own")
    return found


def load_network(folder: Path, *, dtype: torch.dtype = torch.float32) -> GPT2LMHeadModel:
    """Loads the network of a GPT-2 folder, plain or quantized; `load_language_model` without the tokenizer.

    Args:
        folder: Folder with ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin`` (sharded or not).
        dtype: Type the weights get; quantized ones keep theirs, and only float32 may be asked for.

    Returns:
        The network.

    Raises:
        InputError: A file is missing or damaged, the architecture is another one, a tensor is missing, unknown, of
            another shape or not finite.
    """
    if storage_of(folder) is not None:
        if dtype is not torch.float32:
            raise InputError(
                f"the weights are quantized and compute in float32, not {dtype}", where=folder, fix="ask for float32"
            )
        # Here, since only such folders need numba.
        from .quantized.folder import load_quantized

        return load_quantized(folder)
    config, tensors = gpt2_tensors(folder)
    with torch.device("meta"):
        network = GPT2LMHeadModel(config)
    # One tensor at a time, so that both types of the whole model are never in memory together.
    state = {name: tensors.pop(name).to(dtype) for name in list(tensors)}
    network.load_state_dict({**state, _OUTPUT: state[_TABLE]}, strict=True, assign=True)
    network.tie_weights()
    network.train(False)
    return network


def gpt2_tensors(folder: Path) -> tuple[GPT2Config, dict[str, Tensor]]:
    """Reads the weights of a plain GPT-2 folder, all of them accounted for.

    Args:
        folder: The folder.

    Returns:
        Its configuration, and its tensors without the output layer, which is the token table; those of a safetensors
        file stay on disk until they are used.

    Raises:
        InputError: As for `load_network`.
    """
    config = GPT2Config(**read_gpt2_config(folder))
    with torch.device("meta"):
        network = GPT2LMHeadModel(config)
    expected = {name: tensor for name, tensor in network.state_dict().items() if name != _OUTPUT}
    tensors = {name: tensor for name, tensor in read_tensors(folder).items() if not name.endswith(_NO_WEIGHTS)}
    output = tensors.pop(_OUTPUT, None)
    account(tensors, expected, where=folder, says=_SAYS)
    if output is not None and not torch.equal(output, tensors[_TABLE]):
        raise InputError(
            f"'{_OUTPUT}' differs from '{_TABLE}'",
            where=folder,
            fix="only models whose output layer is the token table are supported",
        )
    return config, tensors
