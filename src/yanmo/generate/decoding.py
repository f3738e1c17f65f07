"""How a continuation is chosen: greedily, by sampling or by beam search, and where it ends."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from transformers import GenerationConfig

from ..errors import InputError
from ..yaml_file import refusal_of
from .choices import Method
from .language_tokenizer import LanguageTokenizer

__all__ = ["Decoding", "Stops"]


def _as_strings(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Stops = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_strings)]
"""Texts that end a continuation, in YAML a string or a list of strings."""

# Settings that mean nothing under the other methods; None says that they are not set.
_BELONGS = {
    "temperature": Method.SAMPLE,
    "top_k": Method.SAMPLE,
    "top_p": Method.SAMPLE,
    "seed": Method.SAMPLE,
    "n_beams": Method.BEAM,
}


class Decoding(BaseModel):
    r"""Settings of decoding.

    Raises:
        ValueError: A value is out of range, or is set although the method does not use it.

    Example:
        >>> Decoding(method="sample", top_p=0.9, seed=1).stops
        ()
        >>> Decoding(stop="。", stop_at_newline=True).stops
        ('。', '\n')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method = Method.GREEDY
    """How the next token is chosen."""
    max_new_tokens: int = Field(default=64, gt=0)
    """A continuation has at most so many tokens."""
    temperature: float | None = Field(default=None, gt=0)
    """Sampling: logits are divided by it; None leaves them."""
    top_k: int | None = Field(default=None, gt=0)
    """Sampling: only from so many likeliest tokens; None from all."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Sampling: only from the likeliest tokens that together have this probability; None from all."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Sampling: prompt number i of a call draws from seed + i, whatever else is in the call; None is 0."""
    n_beams: int | None = Field(default=None, gt=1)
    """Beam search: continuations followed at the same time; None is 4."""
    repetition_penalty: float = Field(default=1.0, gt=0)
    """Above 1, tokens of the prompt and of the continuation become less likely; 1 changes nothing."""
    no_repeat_ngram_size: int = Field(default=0, ge=0)
    """No run of so many tokens comes twice, the prompt included; 0 allows it."""
    stop: Stops = ()
    """Texts that end the continuation, which is cut before them."""
    stop_at_newline: bool = False
    """Whether the end of a line ends the continuation too."""

    @model_validator(mode="after")
    def _check(self) -> "Decoding":
        for name, method in _BELONGS.items():
            if getattr(self, name) is not None and self.method is not method:
                raise ValueError(f"{name} belongs to the method {method.value}, not to {self.method.value}")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        """All texts that end a continuation."""
        return (*self.stop, "\n") if self.stop_at_newline and "\n" not in self.stop else self.stop

    def changed(self, values: Mapping[str, Any]) -> "Decoding":
        """Gives the settings with some of them replaced, and checked again.

        Args:
            values: New values by name.

        Returns:
            The new settings.

        Raises:
            InputError: A name is unknown, or a value does not fit.

        Example:
            >>> Decoding().changed({"method": "beam", "n_beams": 2}).n_beams
            2
        """
        try:
            return Decoding.model_validate({**self.model_dump(), **values})
        except ValidationError as error:
            raise InputError(f"decoding: {refusal_of(error)}") from error

    def for_transformers(self, tokenizer: LanguageTokenizer) -> GenerationConfig:
        """Gives transformers' form of what transformers does itself; sampling is ours, see ``sampling.py``.

        Padding is suppressed, so that the first padding in a row is the end of its continuation and a repetition
        penalty on padded rows changes nothing.

        Args:
            tokenizer: Gives the ids of padding and of a document's end.

        Returns:
            The configuration.
        """
        beams = {"num_beams": 4 if self.n_beams is None else self.n_beams} if self.method is Method.BEAM else {}
        return GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            max_new_tokens=self.max_new_tokens,
            repetition_penalty=self.repetition_penalty,
            no_repeat_ngram_size=self.no_repeat_ngram_size,
            suppress_tokens=[tokenizer.pad_id],
            eos_token_id=tokenizer.eod_id,
            pad_token_id=tokenizer.pad_id,
            use_cache=True,
            **beams,
        )
