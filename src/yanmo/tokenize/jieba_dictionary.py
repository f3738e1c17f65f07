"""The package jieba with a dictionary of its own."""

import warnings
from functools import cache
from typing import Any

from ..errors import require_extra

__all__ = ["own_jieba"]


@cache
def own_jieba() -> Any:
    """Loads jieba's tokenizer, which takes about a second and 60 MB.

    Words that a program adds to jieba's own tokenizer do not change what this one cuts.

    Returns:
        A ``jieba.Tokenizer``.
    """
    with warnings.catch_warnings():  # it asks setuptools for its files if that is installed, which warns
        warnings.simplefilter("ignore")
        jieba = require_extra("jieba", extra="torch")
    tokenizer = jieba.Tokenizer()
    # What its own start does, less the copy that it would keep in the machine's folder for temporary files and believe
    # without a look the next time.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer
