"""A task told to a language model by examples: a YAML file that becomes prompts.

``recipes/cpm_*.yaml`` are examples to copy.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..yaml_file import read_yaml
from .choices import TooLong
from .decoding import Decoding, Stops
from .language_tokenizer import LanguageTokenizer

__all__ = ["Demonstration", "FewShot", "LabelSample"]

_INPUT, _OUTPUT = "{input}", "{output}"


class _TaskPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_text(value: object) -> object:
    # YAML reads 2008 as a number; as an example's text it is its digits. 'yes', dates and the like stay errors.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class Demonstration(_TaskPart):
    """One solved example."""

    input: Text = Field(min_length=1)
    """What is given."""
    output: Text = Field(min_length=1)
    """What the model should write."""


class LabelSample(_TaskPart):
    """A smaller choice among the labels, reported beside that among all."""

    n_labels: int = Field(gt=1)
    """How many labels are drawn."""
    seed: int = Field(default=0, ge=0)
    """Decides the draw; query number i draws with seed + i."""


class FewShot(_TaskPart):
    r"""A task: instruction, demonstrations and how a query is put and answered.

    Raises:
        ValueError: The template lacks a place, labels repeat, or a setting that needs labels stands without them.

    Example:
        >>> capital = FewShot(
        ...     template="{input}的首都是{output}",
        ...     demonstrations=[Demonstration(input="法国", output="巴黎"), Demonstration(input="日本", output="东京")],
        ... )
        >>> capital.prompt("中国")
        '法国的首都是巴黎\n日本的首都是东京\n中国的首都是'
        >>> capital.prompt("中国", n_dropped=1), capital.decoding_with_stop.stops
        ('日本的首都是东京\n中国的首都是', ('\n',))

    Source: kexue.fm/archives/7912.
    """

    instruction: str = ""
    """Stands before the demonstrations, if not empty."""
    template: str
    """One demonstration, with ``{input}`` before ``{output}``; a query ends where its output would begin."""
    demonstrations: tuple[Demonstration, ...] = ()
    """The examples, oldest first."""
    separator: str = Field(default="\n", min_length=1)
    """Between instruction, demonstrations and query."""
    query: Text | None = None
    """An input to answer if none is given with the call."""
    stop: Stops | None = None
    """Texts that end an answer; None is the separator, which ends a demonstration's."""
    decoding: Decoding = Decoding()
    """How an answer is chosen; its own texts to stop at are added to ``stop``."""
    too_long: TooLong = TooLong.REFUSE
    """What to do if prompt and answer do not fit into the model's positions."""
    labels: tuple[Text, ...] = ()
    """If given, answers are not written freely: each label's likelihood decides."""
    content_free: tuple[Text, ...] = ()
    """Inputs that say nothing, such as 无 or N/A; with them, the labels' own popularity is taken out."""
    sample: LabelSample | None = None
    """A smaller choice that is reported too."""

    @model_validator(mode="after")
    def _check(self) -> "FewShot":
        for place in (_INPUT, _OUTPUT):
            if self.template.count(place) != 1:
                raise ValueError(
                    f"the template '{self.template}' has {place} {self.template.count(place)} times, not 1"
                )
        if self.template.index(_INPUT) > self.template.index(_OUTPUT):
            raise ValueError(f"in the template '{self.template}' {_OUTPUT} stands before {_INPUT}")
        repeated = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if repeated:
            raise ValueError(f"the label '{repeated[0]}' is given twice")
        if not self.labels and (self.content_free or self.sample):
            raise ValueError("content_free and sample choose among labels, and there are none")
        if self.sample is not None and self.sample.n_labels > len(self.labels):
            raise ValueError(f"cannot draw {self.sample.n_labels} of {len(self.labels)} labels")
        for demonstration in self.demonstrations:
            if self.labels and demonstration.output not in self.labels:
                raise ValueError(f"the output '{demonstration.output}' of a demonstration is none of the labels")
        return self

    @property
    def decoding_with_stop(self) -> Decoding:
        """How an answer is chosen and where it ends."""
        stops = (self.separator,) if self.stop is None else self.stop
        return self.decoding.changed({"stop": tuple(dict.fromkeys((*stops, *self.decoding.stop)))})

    def prompt(self, query: str, *, n_dropped: int = 0) -> str:
        """Builds the prompt that the model continues to answer one query.

        Args:
            query: The input to answer.
            n_dropped: So many of the oldest demonstrations are left out.

        Returns:
            The text.
        """
        before, after = self.template.split(_OUTPUT)
        shown = [
            before.replace(_INPUT, demonstration.input) + demonstration.output + after
            for demonstration in self.demonstrations[n_dropped:]
        ]
        opening = [self.instruction] if self.instruction else []
        return self.separator.join([*opening, *shown, before.replace(_INPUT, query)])

    def n_to_drop(self, queries: Sequence[str], *, tokenizer: LanguageTokenizer, room: int) -> int:
        """Counts the oldest demonstrations that must go for the prompts of all queries to fit.

        All queries drop the same, so that their prompts still share their beginning.

        Args:
            queries: The inputs to answer.
            tokenizer: Counts tokens.
            room: Positions a prompt may take.

        Returns:
            The number; 0 unless ``too_long`` is ``keep_newest``, all of them if even that does not help.
        """
        if self.too_long is not TooLong.KEEP_NEWEST:
            return 0
        for n in range(len(self.demonstrations)):
            prompts = [self.prompt(query, n_dropped=n) for query in queries]
            if all(len(tokenizer.encode(prompt).token_ids) <= room for prompt in prompts):
                return n
        return len(self.demonstrations)

    @classmethod
    def load(cls, path: Path) -> "FewShot":
        """Reads a task; a wrong file raises InputError with file, line and field."""
        return read_yaml(path, cls)
