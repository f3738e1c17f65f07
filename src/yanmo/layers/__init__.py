"""Parameters and formulas of the encoder: norms, attention, blocks, embeddings, pooling, heads."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")

from .alignment import AlignmentHead  # noqa: E402
from .attention import AttentionKernel, PlainAttention, RelativeAttention, RotaryAttention, SelfAttention  # noqa: E402
from .block import Block, FeedForward  # noqa: E402
from .embedding import TokenEmbedding  # noqa: E402
from .gru import GRUCell, ResetAfterGRUCell  # noqa: E402
from .gru_variants import MergedGateGRUCell, ResetLastGRUCell  # noqa: E402
from .heads import ClassificationHead, InteractionHead, MeanHead, PooledHead  # noqa: E402
from .linear_taylor_attention import CausalLinearTaylorAttention, LinearTaylorAttention  # noqa: E402
from .lstm import LSTMCell  # noqa: E402
from .norm import ConditionalLayerNorm, LayerNorm  # noqa: E402
from .packing import Segments  # noqa: E402
from .pooling import mean_pool  # noqa: E402
from .projection import predictor_head, projector_head  # noqa: E402
from .recurrent import GatedCell, RecurrentCell, RecurrentLayer  # noqa: E402
from .simple_rnn import CellActivation, SimpleRNNCell  # noqa: E402
from .taylor import (  # noqa: E402
    MAX_ORDER,
    TaylorMinimum,
    log_taylor_polynomial,
    taylor_derivative,
    taylor_minimum,
    taylor_polynomial,
)
from .taylor_attention import TaylorAttention  # noqa: E402
from .taylor_softmax import TaylorCrossEntropy, TaylorForm, log_taylor_softmax, taylor_softmax  # noqa: E402

__all__ = [
    "MAX_ORDER",
    "AlignmentHead",
    "AttentionKernel",
    "Block",
    "CausalLinearTaylorAttention",
    "CellActivation",
    "ClassificationHead",
    "ConditionalLayerNorm",
    "FeedForward",
    "GRUCell",
    "GatedCell",
    "InteractionHead",
    "LSTMCell",
    "LayerNorm",
    "LinearTaylorAttention",
    "MeanHead",
    "MergedGateGRUCell",
    "PlainAttention",
    "PooledHead",
    "RecurrentCell",
    "RecurrentLayer",
    "RelativeAttention",
    "ResetAfterGRUCell",
    "ResetLastGRUCell",
    "RotaryAttention",
    "Segments",
    "SelfAttention",
    "SimpleRNNCell",
    "TaylorAttention",
    "TaylorCrossEntropy",
    "TaylorForm",
    "TaylorMinimum",
    "TokenEmbedding",
    "log_taylor_polynomial",
    "log_taylor_softmax",
    "mean_pool",
    "predictor_head",
    "projector_head",
    "taylor_derivative",
    "taylor_minimum",
    "taylor_polynomial",
    "taylor_softmax",
]
