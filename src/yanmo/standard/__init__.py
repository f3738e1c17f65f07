"""Standards of one's own: learned from a few labelled pairs, with promises kept; needs no torch."""

import lazy_loader

# At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "learn": ["learn_standard", "remove_standard"],
    },
)
