"""Answers the queries of a few-shot task: freely, or by the likelihood of its labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from .choices import TooLong
from .few_shot import FewShot
from .label_scores import LabelScores, sample_labels
from .language_model import Completion, LanguageModel

__all__ = ["Answer", "LabelAnswer", "answer", "answer_by_label", "stream_answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A freely written answer to one query.

    Attributes:
        completion: What the model wrote.
        n_dropped: So many of the oldest demonstrations were left out.
    """

    completion: Completion
    n_dropped: int


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    """The scores of a task's labels as answers to one query.

    Attributes:
        choices: The scores of all labels, then those of the smaller choice if the task has one.
        n_dropped: So many of the oldest demonstrations were left out.
    """

    choices: tuple[LabelScores, ...]
    n_dropped: int


def answer(model: LanguageModel, few_shot: FewShot, queries: Sequence[str], *, batch_size: int = 8) -> list[Answer]:
    """Answers some queries freely.

    Args:
        model: The model.
        few_shot: The task.
        queries: The inputs to answer.
        batch_size: So many at a time.

    Returns:
        An answer for every query.

    Raises:
        InputError: A prompt is too long.
    """
    decoding = few_shot.decoding_with_stop
    prompts, n_dropped = _prompts(model, few_shot, queries, n_new=decoding.max_new_tokens)
    completions = model.generate(prompts, decoding=decoding, too_long=_plain(few_shot), batch_size=batch_size)
    return [Answer(completion, n_dropped) for completion in completions]


def stream_answer(model: LanguageModel, few_shot: FewShot, query: str, on_text: Callable[[str], None]) -> Answer:
    """Answers one query freely and passes the text on while it is generated.

    Args:
        model: The model; it keeps the demonstrations' keys and values for the next query.
        few_shot: The task.
        query: The input to answer.
        on_text: Takes the pieces.

    Returns:
        The answer.

    Raises:
        InputError: The prompt is too long, or the task asks for beam search.
    """
    decoding = few_shot.decoding_with_stop
    [prompt], n_dropped = _prompts(model, few_shot, [query], n_new=decoding.max_new_tokens)
    return Answer(model.stream(prompt, on_text, decoding=decoding, too_long=_plain(few_shot)), n_dropped)


def answer_by_label(
    model: LanguageModel, few_shot: FewShot, queries: Sequence[str], *, right: Sequence[str] | None = None
) -> list[LabelAnswer]:
    """Scores every label of a task as the answer to each query.

    Args:
        model: The model.
        few_shot: The task, with labels.
        queries: The inputs to answer.
        right: The right label of every query, if known; the smaller choice then has it among its labels.

    Returns:
        The scores for every query.

    Raises:
        InputError: The task has no labels, a prompt is too long, or there is not one right label a query.
    """
    if not few_shot.labels:
        raise InputError("the task has no labels to choose from", fix="add 'labels' to its file")
    if right is not None and len(right) != len(queries):
        raise InputError(f"{len(queries)} queries came with {len(right)} right labels", fix="give one for every query")
    longest = max(len(model.tokenizer.encode(label).token_ids) for label in few_shot.labels)
    asked = (*queries, *few_shot.content_free)
    prompts, n_dropped = _prompts(model, few_shot, asked, n_new=longest)
    n = len(queries)
    scores = model.label_scores(prompts[:n], few_shot.labels, content_free=prompts[n:], too_long=_plain(few_shot))
    answers = []
    for i, whole in enumerate(scores):
        choices = [whole]
        if few_shot.sample is not None:
            seed, n_labels = few_shot.sample.seed + i, few_shot.sample.n_labels
            drawn = sample_labels(few_shot.labels, n_labels, seed=seed, keep=None if right is None else right[i])
            label_set = f"sampled {n_labels} of {len(few_shot.labels)}, seed {seed}"
            choices.append(whole.among(drawn, label_set=label_set))
        answers.append(LabelAnswer(tuple(choices), n_dropped))
    return answers


def _prompts(model: LanguageModel, few_shot: FewShot, queries: Sequence[str], *, n_new: int) -> tuple[list[str], int]:
    n_dropped = few_shot.n_to_drop(queries, tokenizer=model.tokenizer, room=model.n_positions - n_new)
    return [few_shot.prompt(query, n_dropped=n_dropped) for query in queries], n_dropped


def _plain(few_shot: FewShot) -> TooLong:
    """Whole demonstrations have been dropped already; what is still too long is an error."""
    return TooLong.REFUSE if few_shot.too_long is TooLong.KEEP_NEWEST else few_shot.too_long
