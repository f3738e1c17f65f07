import copy

import pytest
import torch
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

from yanmo.errors import InputError

pytest.importorskip("numba")

from yanmo.generate.quantized.block import QuantizedBlock, growing_layer
from yanmo.generate.quantized.folder import load_quantized
from yanmo.generate.quantized.matrix import Int4Matrix, Int8Matrix
from yanmo.generate.quantized.one_token import OneToken
from yanmo.generate.quantized.quantize import quantize_folder
from yanmo.generate.quantized.weight_storage import Bits, WeightStorage

STORAGES = {8: WeightStorage(bits=Bits.INT8), 4: WeightStorage(bits=Bits.INT4, group=16)}


@pytest.fixture
def calls(monkeypatch):
    """Counts the layers that one token went through."""
    seen = []
    original = OneToken.__call__
    monkeypatch.setattr(OneToken, "__call__", lambda self, *args: (seen.append(1), original(self, *args))[1])
    return seen


def build(tmp_path, bits, **changes):
    """A quantized model, and transformers' own with the same weights as floats."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 150, "n_positions": 64, "n_embd": 24, "n_layer": 2, "n_head": 2, "initializer_range": 0.4}
    config = GPT2Config(**sizes | {"bos_token_id": None, "eos_token_id": None} | changes)
    expected = GPT2LMHeadModel(config).eval().requires_grad_(False)
    for parameter in expected.parameters():
        if parameter.ndim == 1:  # norms and biases are no constants in a trained model
            torch.nn.init.normal_(parameter, std=0.3)
    expected.save_pretrained(tmp_path / "float")
    quantize_folder(tmp_path / "float", tmp_path / "out", storage=STORAGES[bits])
    network = load_quantized(tmp_path / "out")
    for name, module in network.named_modules():
        if name.endswith(".matrix") and "lm_head" not in name:
            weight = expected.get_parameter(name.replace(".matrix", ".weight"))
            weight.copy_(module.dequantized() if "wte" in name else module.dequantized().T)
    return network, expected


def step_by_step(network, row, *, cache=None):
    cache = DynamicCache() if cache is None else cache
    steps = [network(row[:, :4], past_key_values=cache).logits]
    steps += [network(row[:, i : i + 1], past_key_values=cache).logits for i in range(4, row.shape[1])]
    return torch.cat(steps, 1)


# Other widths, one head, heads scaled by their layer, and an inner width of its own.
@pytest.mark.parametrize(
    "changes", [{}, {"n_embd": 40, "n_head": 1, "n_inner": 50}, {"scale_attn_by_inverse_layer_idx": True}]
)
@pytest.mark.parametrize("bits", STORAGES)
def test_one_token_after_the_other_is_all_of_them_at_once(tmp_path, calls, bits, changes):
    network, expected = build(tmp_path, bits, **changes)
    row = torch.randint(0, 150, (1, 40))
    found = step_by_step(network, row)
    assert len(calls) == 36 * 2
    assert torch.allclose(found, expected(row).logits, atol=3e-4, rtol=1e-4)
    assert torch.allclose(found, network(row).logits, atol=3e-4, rtol=1e-4)


def test_rows_of_a_batch_and_masked_rows_are_computed_as_transformers_does(tmp_path, calls):
    network, _ = build(tmp_path, 8)
    rows = torch.randint(0, 150, (3, 12))
    together = step_by_step(network, rows)
    mask = torch.ones(1, 13, dtype=torch.long)
    mask[0, 0] = 0
    cache = DynamicCache()
    padded = torch.cat((torch.zeros(1, 1, dtype=torch.long), rows[:1]), 1)
    places = torch.arange(13)[None] - 1
    network(padded[:, :12], attention_mask=mask[:, :12], position_ids=places[:, :12].clamp(0), past_key_values=cache)
    last = network(padded[:, 12:], attention_mask=mask, position_ids=places[:, 12:], past_key_values=cache).logits
    assert not calls
    alone = step_by_step(network, rows[:1])
    assert calls
    assert torch.allclose(alone, together[:1], atol=1e-4)
    assert torch.allclose(last[0, -1], alone[0, -1], atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_another_activation_is_not_taken_for_the_usual_one(tmp_path, calls, activation):
    network, expected = build(tmp_path, 8, activation_function=activation)
    row = torch.randint(0, 150, (1, 9))
    assert torch.allclose(step_by_step(network, row), expected(row).logits, atol=2e-4, rtol=1e-4)
    assert not calls


def test_other_caches_and_none_give_the_same(tmp_path, calls):
    network, _ = build(tmp_path, 8)
    row = torch.randint(0, 150, (1, 9))
    expected = step_by_step(network, row)
    n_calls = len(calls)
    offloading = DynamicCache(config=network.config)
    offloading.offloading = True
    assert growing_layer(offloading, 0) is None
    assert torch.allclose(network(row[:, :1], use_cache=False).logits, expected[:, :1], atol=1e-4)
    assert len(calls) == n_calls
    assert torch.allclose(step_by_step(network, row, cache=DynamicCache(config=network.config)), expected)


def test_hidden_states_and_attentions_are_there_if_asked_for(tmp_path, calls):
    network, expected = build(tmp_path, 8)
    row = torch.randint(0, 150, (1, 6))
    for one in (network, expected):
        one.set_attn_implementation("eager")
    caches = [DynamicCache(), DynamicCache()]
    for one, cache in zip((network, expected), caches, strict=True):
        one(row[:, :5], past_key_values=cache)
    options = {"output_attentions": True, "output_hidden_states": True}
    found = network(row[:, 5:], past_key_values=caches[0], **options)
    wanted = expected(row[:, 5:], past_key_values=caches[1], **options)
    assert len(found.attentions) == len(wanted.attentions) == 2
    assert len(found.hidden_states) == len(wanted.hidden_states) == 3
    for name in ("attentions", "hidden_states"):
        for one, other in zip(getattr(found, name), getattr(wanted, name), strict=True):
            assert torch.allclose(one, other, atol=2e-4, rtol=1e-4)
    network.set_attn_implementation("sdpa")
    again = network(row[:, 5:], past_key_values=step_cache(network, row[:, :5]), output_hidden_states=True)
    assert calls
    assert torch.allclose(again.hidden_states[1], wanted.hidden_states[1], atol=2e-4, rtol=1e-4)


def step_cache(network, row):
    cache = DynamicCache()
    network(row, past_key_values=cache)
    return cache


def test_weights_that_come_later_are_used(tmp_path):
    network, _ = build(tmp_path, 8)
    row = torch.randint(0, 150, (1, 9))
    step_by_step(network, row)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name in state:
        if name.endswith("c_fc.matrix.codes"):
            state[name] = -state[name]
    other = copy.deepcopy(network)
    network.load_state_dict(state, assign=True)
    found = step_by_step(network, row)
    assert torch.allclose(found, network(row).logits, atol=3e-4, rtol=1e-4)
    assert not torch.allclose(found, step_by_step(other, row), atol=1e-2)
    other.float()
    assert other.transformer.h[0]._one_token is None


def test_a_layer_that_is_not_quantized_is_refused():
    block = QuantizedBlock(GPT2Config(n_embd=8, n_head=2), 0).requires_grad_(False)
    with pytest.raises(InputError, match=r"'attn.c_attn' is not quantized"):
        OneToken(block)


@pytest.mark.parametrize("kind", [Int8Matrix, Int4Matrix])
def test_a_row_product_is_the_product_of_one_row(kind):
    matrix = kind.of(torch.randn(70, 130).T.contiguous().T)
    x = torch.randn(1, 130)
    row = torch.nn.functional.pad(x, (0, matrix.stored_width - 130))[0].numpy()
    found = torch.from_numpy(matrix.row_product()(row))
    assert torch.equal(found[:70], matrix.multiply(x)[0])
    assert not found[70:].any()
