"""Streams the text of generated tokens, of which only that part which later tokens cannot change."""

from collections.abc import Callable, Sequence

from torch import Tensor
from transformers.generation.streamers import BaseStreamer

from .language_tokenizer import LanguageTokenizer
from .stopping import find_stop

__all__ = ["ArrivingText"]

# What a decoder writes for bytes that are no whole character yet.
_BROKEN = "\ufffd"


class ArrivingText(BaseStreamer):
    """A streamer for ``generate()`` that passes text on once later tokens can no longer change it.

    The whole continuation is decoded again at every token; what is held back is a character whose bytes have not all
    arrived, the beginning of a text that may turn out to end the continuation, and everything from such a text on.

    Args:
        on_text: Takes every new piece of text; the pieces joined are the continuation's text.
        tokenizer: Gives the text of ids.
        stops: Texts that end the continuation.
    """

    def __init__(self, on_text: Callable[[str], None], *, tokenizer: LanguageTokenizer, stops: Sequence[str]) -> None:
        self.on_text = on_text
        self.tokenizer = tokenizer
        self.stops = tuple(stops)
        self._token_ids: list[int] = []
        self._handed = ""
        self._prompt_is_past = False

    def put(self, value: Tensor) -> None:
        """Takes the prompt once, then token after token."""
        if not self._prompt_is_past:
            self._prompt_is_past = True
            return
        self._token_ids += value.tolist()
        self._hand_on(self._settled(self.tokenizer.decode(self._token_ids)))

    def end(self) -> None:
        """Does nothing: what is left depends on why the continuation ended."""

    def finish(self, text: str) -> None:
        """Passes on the text that was held back.

        Args:
            text: The whole continuation.
        """
        self._hand_on(text)

    def _settled(self, text: str) -> str:
        stop = find_stop(text, self.stops)
        if stop is not None:
            return text[:stop]
        text = text.rstrip(_BROKEN)
        longest = max((len(stop) for stop in self.stops), default=1) - 1
        for n in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-n:]) for stop in self.stops):
                return text[:-n]
        return text

    def _hand_on(self, text: str) -> None:
        # A decoder that changes its mind about earlier text is waited for; printed text cannot be taken back.
        if len(text) > len(self._handed) and text.startswith(self._handed):
            piece = text[len(self._handed) :]
            self._handed = text
            self.on_text(piece)
