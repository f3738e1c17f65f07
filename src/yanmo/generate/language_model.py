"""A causal language model with its tokenizer: texts in, continuations and label scores out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from transformers import DynamicCache, GenerationConfig, PreTrainedModel, StoppingCriteriaList

from ..errors import InputError, chosen
from .arriving_text import ArrivingText
from .choices import Method, TooLong
from .decoding import Decoding
from .label_pass import label_log_likelihoods
from .label_scores import LabelScores
from .language_tokenizer import LanguageTokenizer, refuse_other_vocabulary
from .prefix_cache import PrefixCache
from .prompt import Prompt, fit_prompt
from .sampling import samplers
from .stopping import StopAtText, find_stop, spoken_stops

__all__ = ["Completion", "Ending", "LanguageModel"]


class Ending(str, Enum):
    """Why a continuation ends."""

    STOP = "stop"
    """A text to stop at came."""
    DOCUMENT = "document"
    """The model ended the document."""
    LENGTH = "length"
    """It has as many tokens as were allowed."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What follows a prompt.

    Attributes:
        text: The continuation, without the text it stopped at.
        token_ids: Its tokens; those of the text it stopped at are still among them.
        ending: Why it ends.
        n_cut: So many of the prompt's oldest tokens were left out.
    """

    text: str
    token_ids: tuple[int, ...]
    ending: Ending
    n_cut: int


class LanguageModel:
    """Continues texts and scores labels.

    One object serves one caller at a time: it keeps the keys and values of the last prompt, so that the next one with
    the same beginning (the demonstrations of a few-shot file, a growing text) computes only its own end.

    Args:
        network: A causal language model of transformers, plain or quantized. It is set to evaluation, and generation
            settings that came with it are dropped: what is not in `Decoding` is not in force.
        tokenizer: Its tokenizer.

    Raises:
        InputError: The tokenizer has another number of ids than the network, or pads with the end of documents.
    """

    def __init__(self, network: PreTrainedModel, tokenizer: LanguageTokenizer) -> None:
        refuse_other_vocabulary(tokenizer, network.config.vocab_size)
        if tokenizer.pad_id == tokenizer.eod_id:
            raise InputError(
                f"id {tokenizer.pad_id} is both padding and the end of documents", fix="give padding an id of its own"
            )
        self.network = network.train(False).requires_grad_(False)
        self.network.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        self.tokenizer = tokenizer
        self._prefix = PrefixCache()

    @property
    def n_positions(self) -> int:
        """Tokens that prompt and continuation have room for."""
        positions: int = self.network.config.max_position_embeddings
        return positions

    def generate(
        self,
        prompts: Sequence[str],
        *,
        decoding: Decoding | None = None,
        too_long: TooLong | str = TooLong.REFUSE,
        batch_size: int = 8,
    ) -> list[Completion]:
        """Continues some texts, several at a time; each as if it were alone.

        Args:
            prompts: The texts; an empty one is continued from nothing.
            decoding: How; None is greedy.
            too_long: What to do with a prompt that leaves too few positions.
            batch_size: So many at a time, those of similar length together.

        Returns:
            A continuation for every prompt.

        Raises:
            InputError: A prompt is too long, no position is left for prompts, or a text to stop at can never come.
        """
        too_long = chosen(TooLong, too_long, name="too_long")
        decoding = decoding or Decoding()
        fitted = [self._fit(text, decoding.max_new_tokens, too_long) for text in prompts]
        by_length = sorted(range(len(fitted)), key=lambda i: len(fitted[i].token_ids))
        done: dict[int, Completion] = {}
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            done.update(zip(batch, self._continue([fitted[i] for i in batch], batch, decoding), strict=True))
        return [done[i] for i in range(len(fitted))]

    def stream(
        self,
        prompt: str,
        on_text: Callable[[str], None],
        *,
        decoding: Decoding | None = None,
        too_long: TooLong | str = TooLong.REFUSE,
    ) -> Completion:
        """Continues one text and passes the continuation on while it is generated.

        Args:
            prompt: The text; an empty one is continued from nothing.
            on_text: Takes the pieces; joined they are the continuation's text. What it raises ends the generation.
            decoding: How; None is greedy.
            too_long: What to do with a prompt that leaves too few positions.

        Returns:
            The continuation, the same as that of `generate`.

        Raises:
            InputError: The prompt is too long, a text to stop at can never come, or beam search is asked for, which
                knows its text only at the end.
        """
        too_long = chosen(TooLong, too_long, name="too_long")
        decoding = decoding or Decoding()
        if decoding.method is Method.BEAM:
            raise InputError("beam search cannot stream, its text is known at the end", fix="use generate")
        arriving = ArrivingText(on_text, tokenizer=self.tokenizer, stops=spoken_stops(decoding.stops, self.tokenizer))
        fitted = self._fit(prompt, decoding.max_new_tokens, too_long)
        [completion] = self._continue([fitted], [0], decoding, arriving=arriving)
        arriving.finish(completion.text)
        return completion

    def label_scores(
        self,
        prompts: Sequence[str],
        labels: Sequence[str],
        *,
        content_free: Sequence[str] = (),
        too_long: TooLong | str = TooLong.REFUSE,
    ) -> list[LabelScores]:
        """Scores every label as the continuation of every prompt.

        Args:
            prompts: The texts before the label. What they share at their beginning is computed once.
            labels: The labels, encoded by themselves.
            content_free: The same prompts with inputs that say nothing, for calibration.
            too_long: What to do with a prompt that leaves too few positions.

        Returns:
            Scores for every prompt.

        Raises:
            InputError: There are no labels, one is empty or given twice, two are the same to the tokenizer, or a prompt
                is too long.
        """
        too_long = chosen(TooLong, too_long, name="too_long")
        repeated = sorted({label for label in labels if list(labels).count(label) > 1})
        if repeated:
            raise InputError(f"the label '{repeated[0]}' is given twice", fix="keep one")
        label_ids = [self.tokenizer.encode(label).token_ids.tolist() for label in labels]
        if not labels or not all(label_ids):
            raise InputError("there are no labels" if not labels else "a label is empty", fix="give labels with text")
        first_of: dict[tuple[int, ...], str] = {}
        for label, ids in zip(labels, label_ids, strict=True):
            if tuple(ids) in first_of:
                raise InputError(
                    f"the labels '{first_of[tuple(ids)]}' and '{label}' are the same tokens to this model",
                    fix="give labels that its vocabulary can tell apart",
                )
            first_of[tuple(ids)] = label
        if not prompts:
            return []
        longest = max(map(len, label_ids))
        fitted = [self._fit(text, longest, too_long) for text in (*prompts, *content_free)]
        rows = [prompt.token_ids for prompt in fitted]
        scores = label_log_likelihoods(self.network, rows, label_ids, prefix=self._prefix).numpy()
        n_tokens = np.array([len(ids) for ids in label_ids], dtype=np.int64)
        n, name = len(prompts), f"all {len(labels)}"
        return [
            LabelScores(tuple(labels), row, n_tokens, scores[n:], name, prompt.n_cut)
            for row, prompt in zip(scores[:n], fitted[:n], strict=True)
        ]

    def _fit(self, text: str, n_new: int, too_long: TooLong | str) -> Prompt:
        return fit_prompt(text, tokenizer=self.tokenizer, n_positions=self.n_positions, n_new=n_new, too_long=too_long)

    def _continue(
        self,
        prompts: Sequence[Prompt],
        numbers: Sequence[int],
        decoding: Decoding,
        *,
        arriving: ArrivingText | None = None,
    ) -> list[Completion]:
        width = max(len(prompt.token_ids) for prompt in prompts)
        device = self.network.device
        pads = [width - len(prompt.token_ids) for prompt in prompts]
        rows = [[self.tokenizer.pad_id] * n + list(p.token_ids) for n, p in zip(pads, prompts, strict=True)]
        mask = torch.arange(width, device=device)[None] >= torch.tensor(pads, device=device)[:, None]
        stops = spoken_stops(decoding.stops, self.tokenizer)
        criteria = [StopAtText(stops, tokenizer=self.tokenizer, n_prompt=width)] if stops else []
        # The keys and values of one row are kept for the next call; those of several rows, or beams, are not.
        alone = len(rows) == 1 and decoding.method is not Method.BEAM
        cache = self._prefix.take(rows[0]) if alone else DynamicCache()
        sequences = self.network.generate(
            torch.tensor(rows, device=device),
            attention_mask=mask.long(),
            past_key_values=cache,
            generation_config=decoding.for_transformers(self.tokenizer),
            logits_processor=samplers(
                decoding, seeds=[(decoding.seed or 0) + number for number in numbers], device=device
            ),
            stopping_criteria=StoppingCriteriaList(criteria),
            streamer=arriving,
        ).tolist()
        if alone:
            self._prefix.keep(cache, sequences[0])
        return [self._completion(row[width:], p, stops) for row, p in zip(sequences, prompts, strict=True)]

    def _completion(self, token_ids: list[int], prompt: Prompt, stops: Sequence[str]) -> Completion:
        ending = Ending.LENGTH
        for n, token in enumerate(token_ids):
            if token in (self.tokenizer.eod_id, self.tokenizer.pad_id):
                ending = Ending.DOCUMENT if token == self.tokenizer.eod_id else ending
                token_ids = token_ids[:n]
                break
        text = self.tokenizer.decode(token_ids)
        place = find_stop(text, stops)
        if place is not None:
            text, ending = text[:place], Ending.STOP
        return Completion(text, tuple(token_ids), ending, prompt.n_cut)
