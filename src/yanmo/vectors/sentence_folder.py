"""The folder layout of sentence-transformers: which modules there are, how they pool, which prompts; no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..atomic import replacing
from ..errors import InputError
from ..json_file import read_json

__all__ = ["SentenceFolder"]

_TYPES = "sentence_transformers.models."
_MODES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
_OTHER_MODES = ("max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


@dataclass(frozen=True)
class SentenceFolder:
    """What stands in the folder beside the encoder and its tokenizer.

    Attributes:
        width: Size of a vector.
        pooling: ``mean`` or ``cls``.
        normalize: Whether vectors are brought to length 1.
        max_length: Longest input in tokens, special ones included; None leaves it to the encoder.
        prompts: Texts to put before an input, by name.
        default_prompt: Name of the prompt that is put there when none is asked for; None puts none.
    """

    width: int
    pooling: str
    normalize: bool = True
    max_length: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None

    def __post_init__(self) -> None:
        if self.default_prompt is not None and self.default_prompt not in self.prompts:
            known = ", ".join(self.prompts) or "none"
            raise InputError(f"the default prompt '{self.default_prompt}' is none of the prompts: {known}")

    def prompt(self, name: str | None) -> str:
        """Gives what is put before an input.

        Args:
            name: Name of a prompt; None takes the default.

        Returns:
            The prompt, empty where there is none.

        Raises:
            InputError: There is no such prompt.
        """
        chosen = self.default_prompt if name is None else name
        if chosen is None:
            return ""
        if chosen not in self.prompts:
            known = ", ".join(self.prompts) or "none"
            raise InputError(f"there is no prompt '{chosen}'; there is {known}", fix="name one of them")
        return self.prompts[chosen]

    def write(self, folder: Path) -> None:
        """Writes ``modules.json`` and what it refers to, in the form that sentence-transformers 2 to 6 reads.

        Args:
            folder: An existing folder.
        """
        names = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] * self.normalize)
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"{_TYPES}{name}"} for i, (path, name) in enumerate(names)
        ]
        pooling = {"word_embedding_dimension": self.width}
        pooling |= {key: self.pooling == name for name, key in _MODES.items()}
        pooling |= {f"pooling_mode_{name}": False for name in _OTHER_MODES} | {"include_prompt": True}
        config = {
            "prompts": dict(self.prompts),
            "default_prompt_name": self.default_prompt,
            "similarity_fn_name": "cosine",
        }
        _write(folder / "modules.json", modules)
        _write(folder / "1_Pooling" / "config.json", pooling)
        _write(folder / "sentence_bert_config.json", {"max_seq_length": self.max_length, "do_lower_case": False})
        _write(folder / "config_sentence_transformers.json", config)
        if self.normalize:
            (folder / "2_Normalize").mkdir(exist_ok=True)

    @classmethod
    def read(cls, folder: Path, *, width: int) -> "SentenceFolder":
        """Reads a folder; one that holds an encoder only pools by the mean, as sentence-transformers does with it.

        Args:
            folder: The folder.
            width: Size of the encoder's vectors.

        Returns:
            What it says.

        Raises:
            InputError: A file is broken, or a module or way of pooling is none that Yanmo has.
        """
        if not (folder / "modules.json").is_file():
            return cls(width, "mean")
        modules = _read(folder / "modules.json", list)
        try:
            kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
            paths = [str(module["path"]) for module in modules]
        except (TypeError, KeyError):
            raise InputError(
                "a module has no type or no path", where=folder / "modules.json", fix="get the file again"
            ) from None
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or paths[0]:
            raise InputError(
                f"the modules are {', '.join(kinds)}; expected Transformer, Pooling and at most Normalize",
                where=folder / "modules.json",
                fix="use sentence-transformers for this model",
            )
        limits = _read(folder / "sentence_bert_config.json", dict, missing={})
        prompts = _read(folder / "config_sentence_transformers.json", dict, missing={})
        if limits.get("do_lower_case"):
            raise InputError(
                "do_lower_case is set, which Yanmo leaves to the tokenizer",
                where=folder / "sentence_bert_config.json",
                fix="use sentence-transformers for this model",
            )
        return cls(
            width,
            _pooling(folder / paths[1] / "config.json"),
            normalize=len(kinds) == 3,
            max_length=limits.get("max_seq_length"),
            prompts=prompts.get("prompts") or {},
            default_prompt=prompts.get("default_prompt_name"),
        )


def _pooling(path: Path) -> str:
    values = _read(path, dict)
    named = values.get("pooling_mode")
    modes = [named] if named else [key for key, on in values.items() if key.startswith("pooling_mode_") and on is True]
    for name, key in _MODES.items():
        if modes in ([name], [key]):
            return name
    shown = ", ".join(map(str, modes)) or "nothing"
    raise InputError(
        f"pools by {shown}; expected mean or cls", where=path, fix="use sentence-transformers for this model"
    )


def _write(path: Path, values: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read(path: Path, kind: type, *, missing: Any = None) -> Any:
    try:
        return read_json(path, kind=kind)
    except FileNotFoundError:
        if missing is not None:
            return missing
        raise InputError("the file is missing", where=path, fix="get the folder again") from None
