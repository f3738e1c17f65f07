"""The configuration of a GPT-2 folder."""

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..json_file import read_json
from ..tokenize.foreign_folder import missing_file

__all__ = ["read_gpt2_config"]


def read_gpt2_config(folder: Path) -> dict[str, Any]:
    """Reads the configuration of a GPT-2 folder.

    Args:
        folder: The folder.

    Returns:
        Its fields.

    Raises:
        InputError: The file is missing or no configuration of a GPT-2 whose output layer is the token table.
    """
    path = folder / "config.json"
    try:
        values = read_json(path)
    except FileNotFoundError:
        raise missing_file(
            "the file is missing; a model folder has one", folder=folder, where=path, fix="check the path"
        ) from None
    found = values.get("model_type")
    if found != "gpt2":
        raise InputError(
            f"model_type is {found!r}, not 'gpt2'", where=path, fix="convert the checkpoint with yanmo convert cpm"
        )
    if values.get("tie_word_embeddings") is False:
        raise InputError(
            "tie_word_embeddings is false", where=path, fix="only models whose output layer is the token table"
        )
    return dict(values)
