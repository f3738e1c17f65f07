import pytest
import torch
import transformers

from yanmo.convert.cpm_config import CPM_LM, CpmConfig
from yanmo.convert.megatron import Split, assemble, megatron_rules

TINY = CpmConfig(n_layers=2, width=8, n_heads=4, n_positions=16, vocab_size=30)


@pytest.fixture(scope="module")
def model():
    """CPM-LM at full size, without a single weight in memory."""
    config = transformers.GPT2Config(
        vocab_size=30000, n_positions=1024, n_embd=2560, n_layer=32, n_head=32, activation_function="gelu_new"
    )
    with torch.device("meta"):
        return transformers.GPT2LMHeadModel(config)


def shard_shapes(n_shards):
    """Every tensor of one shard of CPM-LM, written down by hand from its code."""
    w, inner = 2560, 10240
    part = w // n_shards
    shapes = {"word_embeddings.weight": (30000 // n_shards, w), "position_embeddings.weight": (1024, w)}
    for i in range(32):
        layer = f"transformer.layers.{i}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes |= {f"{layer}{norm}.weight": (w,), f"{layer}{norm}.bias": (w,)}
        shapes |= {
            f"{layer}attention.query_key_value.weight": (3 * part, w),
            f"{layer}attention.query_key_value.bias": (3 * part,),
            f"{layer}attention.dense.weight": (w, part),
            f"{layer}attention.dense.bias": (w,),
            f"{layer}mlp.dense_h_to_4h.weight": (inner // n_shards, w),
            f"{layer}mlp.dense_h_to_4h.bias": (inner // n_shards,),
            f"{layer}mlp.dense_4h_to_h.weight": (w, inner // n_shards),
            f"{layer}mlp.dense_4h_to_h.bias": (w,),
        }
    return shapes | {"transformer.final_layernorm.weight": (w,), "transformer.final_layernorm.bias": (w,)}


@pytest.mark.parametrize("n_shards", [1, 2, 4])
def test_the_table_is_megatrons_name_by_name_and_shape_by_shape(n_shards):
    rules = megatron_rules(CPM_LM)
    assert {rule.source: rule.part_shape(n_shards) for rule in rules} == shard_shapes(n_shards)
    assert len(rules) == len(shard_shapes(n_shards)), "a name stands twice"


def test_the_table_is_hugging_faces_name_by_name_and_shape_by_shape(model):
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert wanted.pop("lm_head.weight") == wanted["transformer.wte.weight"], "tied"
    assert {rule.tensor: rule.tensor_shape for rule in megatron_rules(CPM_LM)} == wanted
    assert sum(torch.Size(shape).numel() for shape in wanted.values()) == 2_597_073_920


@pytest.mark.parametrize("n_shards", [1, 2, 4])
def test_parts_of_full_size_assemble_on_meta(model, n_shards):
    wanted = model.state_dict()
    with torch.device("meta"):
        for rule in megatron_rules(CPM_LM):
            parts = [torch.empty(rule.part_shape(n_shards), dtype=torch.float16) for _ in range(n_shards)]
            whole = assemble(rule, parts, dtype=torch.bfloat16)
            assert whole.shape == wanted[rule.tensor].shape
            assert whole.dtype == torch.bfloat16


def cut(rule, whole, n_shards):
    """The split, by chunks of what has the shards evenly."""
    if rule.split is Split.WHOLE:
        return [whole] * n_shards
    if rule.split is Split.THIRDS:
        q, k, v = (third.chunk(n_shards) for third in whole.chunk(3))
        return [torch.cat(three) for three in zip(q, k, v, strict=True)]
    return list(whole.chunk(n_shards, 1 if rule.split is Split.COLUMNS else 0))


@pytest.mark.parametrize("n_shards", [1, 2, 4])
def test_what_is_cut_is_put_together_again(n_shards):
    config = CpmConfig(n_layers=1, width=8, n_heads=4, n_positions=16, vocab_size=32)
    for rule in megatron_rules(config):
        whole = torch.randn(rule.shape)
        parts = cut(rule, whole, n_shards)
        assert all(tuple(part.shape) == rule.part_shape(n_shards) for part in parts)
        found = assemble(rule, parts, dtype=torch.float32)
        assert found.is_contiguous()
        assert torch.equal(found, whole.T if rule.is_transposed else whole)


@pytest.mark.parametrize(("n_shards", "n_rows"), [(4, 8), (2, 64), (4, 128)])
def test_padding_of_the_vocabulary_is_left_out(n_shards, n_rows):
    rule = megatron_rules(TINY)[0]
    padded = torch.randn(n_shards * n_rows, 8)
    found = assemble(rule, list(padded.chunk(n_shards)), dtype=torch.float32)
    assert torch.equal(found, padded[:30])
