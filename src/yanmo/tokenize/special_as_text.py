"""A tokenizer to which special tokens spelled in a text are text: ``</s>`` is four characters, not an end."""

import re
from collections.abc import Sequence

from tokenizers import Regex, pre_tokenizers
from tokenizers import Tokenizer as Backend

from ..errors import InputError

__all__ = ["without_special_tokens"]


def without_special_tokens(backend: Backend, *, always: Sequence[str]) -> Backend:
    """Makes a tokenizer that finds no special token in a text and is otherwise the same, over the same model.

    The library finds added tokens in a text before anything else, and can leave that to those that are not special.
    A unigram model then finds them again, as they are pieces of its vocabulary: there the text is cut behind their
    first character.

    Args:
        backend: The tokenizer; left as it is.
        always: Special tokens, whether or not they are marked as such.

    Returns:
        The other one, which adds no special tokens around a text.

    Raises:
        InputError: A special token would still be found, or another token has another id.
    """
    plain = Backend(backend.model)
    if backend.normalizer is not None:
        plain.normalizer = backend.normalizer
    if backend.pre_tokenizer is not None:
        plain.pre_tokenizer = backend.pre_tokenizer
    special = set(always)
    for number, token in sorted(backend.get_added_tokens_decoder().items()):
        is_special = token.special or token.content in special
        if is_special:
            special.add(token.content)
            plain.add_special_tokens([token])
        else:
            plain.add_tokens([token])
        if plain.token_to_id(token.content) != number:
            raise InputError(f"the token {token.content!r} has the id {number}, out of turn", fix=_FIX)
    plain.encode_special_tokens = True
    found = _found(plain, special)
    if found:
        first = "|".join(f"{re.escape(token[0])}(?={re.escape(token[1:])})" for token in sorted(found))
        cut = pre_tokenizers.Split(Regex(first), "merged_with_previous")
        before = [] if plain.pre_tokenizer is None else [plain.pre_tokenizer]
        plain.pre_tokenizer = pre_tokenizers.Sequence([*before, cut])
    found = _found(plain, special)
    if found:
        raise InputError(f"the tokenizer finds {', '.join(sorted(found))} in any text", fix=_FIX)
    return plain


_FIX = "train with --set 'normalization={special_tokens_as_text: false}'"


def _found(backend: Backend, tokens: set[str]) -> set[str]:
    return {token for token in tokens if _is_found(backend, token)}


def _is_found(backend: Backend, token: str) -> bool:
    """Whether the token's own spelling, within a word or as one, gives its id; unknown characters around it do not."""
    text, number = f"a{token}a {token}", backend.token_to_id(token)
    encoding = backend.encode(text, add_special_tokens=False)
    return any(
        found == number and text[begin:end].strip() == token
        for found, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True)
    )
