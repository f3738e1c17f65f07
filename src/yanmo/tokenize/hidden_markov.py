"""Word segmentation by jieba with its hidden Markov model, which finds words that the dictionary lacks."""

import warnings
from collections.abc import Callable
from functools import cache

from ..errors import require_extra

__all__ = ["HiddenMarkovSegmenter"]


class HiddenMarkovSegmenter:
    """Segments as the package jieba does by default, which is how CPM-LM's training texts were segmented.

    `WordSegmenter` is the quick one without the model. rjieba has the model too, but cuts otherwise: it leaves ``1-2``
    and ``qq.com`` whole, joins rare ideographs to what stands beside them, and where two paths of the model are about
    equally likely (``常在`` in ``，常在对``) it may take the other one. So this needs the package jieba itself.

    The dictionary is this class's own: words that a program adds to jieba's do not change ids. It is read at first use,
    which takes about a second and 60 MB.

    Example:
        >>> HiddenMarkovSegmenter()("他来到了网易杭研大厦")
        ['他', '来到', '了', '网易', '杭研', '大厦']
    """

    def __call__(self, text: str) -> list[str]:
        """Splits the text into words whose concatenation is the text."""
        return _jieba()(text)


@cache
def _jieba() -> Callable[[str], list[str]]:
    with warnings.catch_warnings():  # it asks setuptools for its files if that is installed, which warns
        warnings.simplefilter("ignore")
        jieba = require_extra("jieba", extra="torch")
    tokenizer = jieba.Tokenizer()
    # What its own start does, less the copy that it would keep in the machine's folder for temporary files and believe
    # without a look the next time.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: Callable[[str], list[str]] = tokenizer.lcut
    return cut
