"""Word segmentation by jieba with its hidden Markov model, which finds words that the dictionary lacks."""

from .jieba_dictionary import own_jieba

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
        words: list[str] = own_jieba().lcut(text)
        return words
