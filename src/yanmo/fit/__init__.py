"""Training: matchers, masked language models and text vectors, three families of runs over one loop."""

import lazy_loader

from ..errors import require_extra

require_extra("torch", extra="train")
require_extra("transformers", extra="train")
require_extra("accelerate", extra="train")

# At first use: settings are read without transformers' Trainer.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loop.regularizers": ["Regularizers"],
        "loop.sharpness_watch": ["SharpnessWatch"],
        "loop.trainer_mixin": ["RegularizedTrainerMixin"],
        "matching.config": ["TrainConfig", "load_train_config"],
        "matching.run": ["RunSummary", "train_matcher"],
        "pretraining.config": ["PretrainConfig", "load_pretrain_config"],
        "pretraining.run": ["PretrainSummary", "pretrain"],
        "vectors.config": ["VectorConfig", "load_vector_config"],
        "vectors.run": ["VectorSummary", "train_vectors"],
    },
)
