"""A prompt as token ids that leave room for what follows."""

from dataclasses import dataclass

from ..errors import InputError, chosen
from .choices import TooLong
from .language_tokenizer import LanguageTokenizer

__all__ = ["Prompt", "fit_prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given.

    Attributes:
        token_ids: At least one id.
        n_cut: So many of the text's oldest tokens were left out.
    """

    token_ids: tuple[int, ...]
    n_cut: int


def fit_prompt(
    text: str, *, tokenizer: LanguageTokenizer, n_positions: int, n_new: int, too_long: TooLong | str = TooLong.REFUSE
) -> Prompt:
    """Encodes a prompt, and cuts or refuses it where it is too long.

    What the tokenizer puts before every text stays when the text is cut. Where that is nothing, an empty prompt becomes
    the token that ends documents: the training texts of CPM stand one after the other with this token between them, so
    what follows it is the beginning of a new text, which is generation without a condition.

    Args:
        text: The prompt.
        tokenizer: Gives its ids.
        n_positions: Positions the model has.
        n_new: Positions wanted for what follows.
        too_long: What to do if there are too few.

    Returns:
        The prompt.

    Raises:
        InputError: No position is left for a prompt, the prompt is too long and may not be cut, or ``too_long`` is
            none of its values.

    Source: kexue.fm/archives/7912.
    """
    too_long = chosen(TooLong, too_long, name="too_long")
    room = n_positions - n_new
    if room < 1:
        raise InputError(
            f"{n_new} new tokens were asked for, but the model has only {n_positions} positions, prompt included",
            fix=f"ask for at most {n_positions - 1}",
        )
    start = tokenizer.start_ids
    token_ids = (*start, *tokenizer.encode(text).token_ids.tolist()) or (tokenizer.eod_id,)
    n_over = len(token_ids) - room
    if n_over <= 0:
        return Prompt(token_ids, 0)
    if too_long is TooLong.CUT_LEFT and room > len(start):
        return Prompt((*start, *token_ids[len(start) + n_over :]), n_over)
    if too_long is TooLong.KEEP_NEWEST:
        raise InputError("keep_newest leaves out demonstrations, a plain prompt has none", fix="choose cut_left")
    raise InputError(
        f"the prompt has {len(token_ids)} tokens; beside {n_new} new ones the model has positions for {room}",
        fix="shorten it, ask for fewer new tokens, or choose cut_left, which leaves out its oldest tokens, or for a "
        "few-shot file keep_newest, which leaves out its oldest demonstrations",
    )
