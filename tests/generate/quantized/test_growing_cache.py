import pytest
import torch
from transformers import DynamicCache, GPT2Config, StaticCache

from yanmo.generate.quantized.growing_cache import GrowingLayer, growing_layer


def states(n, *, batch=2):
    return torch.randn(batch, 3, n, 4), torch.randn(batch, 3, n, 4)


def same(layer, plain):
    assert layer.get_seq_length() == plain.get_seq_length()
    assert torch.equal(layer.keys, plain.keys)
    assert torch.equal(layer.values, plain.values)


@pytest.mark.parametrize("seed", range(5))
def test_it_holds_what_a_dynamic_cache_holds(seed):
    torch.manual_seed(seed)
    cache, plain = DynamicCache(), DynamicCache()
    for step in torch.randint(0, 5, (40,)).tolist():
        layer = growing_layer(cache, 0)
        if step == 0 and layer.get_seq_length() > 3:
            for one in (cache, plain):
                one.crop(-3)
        elif step == 1 and layer.get_seq_length():
            order = torch.randperm(2)
            for one in (cache, plain):
                one.reorder_cache(order)
        else:
            new = states(1 + 20 * (step == 2))
            returned, expected = cache.update(*new, 0), plain.update(*new, 0)
            assert torch.equal(returned[0], expected[0])
            assert torch.equal(returned[1], expected[1])
        if layer.is_initialized:
            same(layer, plain.layers[0])


def test_a_layer_that_is_cropped_and_filled_again_keeps_its_beginning():
    cache, new = DynamicCache(), states(6)
    layer = growing_layer(cache, 0)
    cache.update(*new, 0)
    cache.crop(-2)
    more = states(1)
    keys, _ = cache.update(*more, 0)
    assert torch.equal(keys, torch.cat((new[0][..., :4, :], more[0]), -2))
    cache.crop(-5)
    assert layer.get_seq_length() == 0
    assert torch.equal(cache.update(*more, 0)[1], more[1])


def test_tokens_are_written_where_there_is_room():
    layer = GrowingLayer()
    layer.update(*states(10))
    place = layer.keys.data_ptr()
    for _ in range(64):
        layer.update(*states(1))
    assert layer.keys.data_ptr() == place
    layer.update(*states(1))
    assert layer.keys.data_ptr() != place
    assert layer.get_seq_length() == 75
    # Twice as many tokens are copied a few times, not at every token.
    places = {(layer.update(*states(1)), layer.keys.data_ptr())[1] for _ in range(300)}
    assert len(places) <= 5


def test_another_number_of_rows_gets_memory_of_its_own():
    layer, new = GrowingLayer(), states(4)
    layer.update(*new)
    layer.batch_repeat_interleave(3)
    more = states(1, batch=6)
    keys, values = layer.update(*more)
    assert torch.equal(keys, torch.cat((new[0].repeat_interleave(3, 0), more[0]), -2))
    assert torch.equal(values, torch.cat((new[1].repeat_interleave(3, 0), more[1]), -2))


def test_plain_layers_are_replaced_and_others_left():
    config = GPT2Config(n_layer=2, n_head=3, n_embd=12)
    cache, new = DynamicCache(config=config), states(4)
    cache.update(*new, 0)
    layer = growing_layer(cache, 0)
    assert layer is growing_layer(cache, 0) is cache.layers[0]
    assert torch.equal(layer.keys, new[0])
    assert torch.equal(layer.values, new[1])
    assert growing_layer(cache, 1).get_seq_length() == 0
    assert growing_layer(DynamicCache(), 2) is not None
    assert growing_layer(DynamicCache(offloading=True), 0) is None
    static = StaticCache(config=config, max_cache_len=8)
    assert not isinstance(static, DynamicCache)
    assert len(static.layers) == 2
