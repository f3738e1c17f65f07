"""What people call from Python: train, evaluate, predict, export. The command line is a thin layer over it."""

import lazy_loader

# At first use rather than at import: each brings what it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "evaluation": ["Evaluation", "compare", "evaluate"],
        "exporting": ["export"],
        "prediction": ["predict"],
        "training": ["train"],
    },
)
