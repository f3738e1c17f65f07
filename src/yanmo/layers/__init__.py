"""Parameters and formulas of the encoder: norms, attention, blocks, embeddings, pooling, heads."""

from .alignment import AlignmentHead
from .attention import AttentionKernel, PlainAttention, RelativeAttention, RotaryAttention, SelfAttention
from .block import Block, FeedForward
from .embedding import TokenEmbedding
from .gru import GRUCell, ResetAfterGRUCell
from .gru_variants import MergedGateGRUCell, ResetLastGRUCell
from .heads import InteractionHead, PooledHead
from .linear_taylor_attention import CausalLinearTaylorAttention, LinearTaylorAttention
from .lstm import LSTMCell
from .norm import ConditionalLayerNorm, LayerNorm
from .packing import Segments
from .pooling import mean_pool
from .projection import predictor_head, projector_head
from .recurrent import GatedCell, RecurrentCell, RecurrentLayer
from .simple_rnn import Activation, SimpleRNNCell
from .taylor import (
    MAX_ORDER,
    TaylorMinimum,
    log_taylor_polynomial,
    taylor_derivative,
    taylor_minimum,
    taylor_polynomial,
)
from .taylor_attention import TaylorAttention
from .taylor_softmax import TaylorCrossEntropy, TaylorForm, log_taylor_softmax, taylor_softmax

__all__ = [
    "MAX_ORDER",
    "Activation",
    "AlignmentHead",
    "AttentionKernel",
    "Block",
    "CausalLinearTaylorAttention",
    "ConditionalLayerNorm",
    "FeedForward",
    "GRUCell",
    "GatedCell",
    "InteractionHead",
    "LSTMCell",
    "LayerNorm",
    "LinearTaylorAttention",
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
