"""The matcher: its network under task conditions, the engines that score, the decisions kept with it."""

import lazy_loader

# At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "architecture": ["Architecture", "AttentionKind", "HeadKind"],
        "decisions": ["Calibration", "Decision", "MatchingFile"],
        "engines.engine": ["Engine"],
        "matcher": ["Matcher"],
        "named_matcher": ["open_matcher"],
        "engines.pair_rows": ["PairRows"],
        "promise": ["Promise", "PromiseKind"],
        "ranking": ["Ranked"],
        "verdicts": ["Verdict"],
    },
)
