import pytest
import torch

from yanmo.encode import ConditionPlan, TokenBatch, load_encoder
from yanmo.errors import InputError


def _rows(batch, rows, seq):
    return TokenBatch(
        *(getattr(batch, f)[rows][:, :seq] for f in ("token_ids", "type_ids", "position_ids", "side", "mask"))
    )


def test_outputs_equal_transformers_padded_or_not_in_any_order(reference, batch_of):
    model, folder = reference
    encoder = load_encoder(folder).encoder.eval()
    batch = batch_of([11, 7, 4], pad_id=model.config.pad_token_id)
    # Where there is one type, it is theirs whatever the layout says.
    types = batch.type_ids.clamp(max=model.config.type_vocab_size - 1)
    theirs = model(input_ids=batch.token_ids, token_type_ids=types, attention_mask=batch.mask.long()).last_hidden_state
    ours = encoder(batch, None)
    torch.testing.assert_close(ours[batch.mask], theirs[batch.mask], atol=1e-5, rtol=0)
    for row, length in ((2, 4), (0, 11), (1, 7)):
        alone = encoder(_rows(batch, [row], length), None)[0]
        torch.testing.assert_close(alone, ours[row, :length], atol=1e-5, rtol=0)


def test_zero_maps_equal_the_unconditional_model_bit_for_bit(reference, batch_of):
    _, folder = reference
    plain = load_encoder(folder).encoder.eval()
    conditional = load_encoder(folder, condition=ConditionPlan(5)).encoder.eval()
    batch = batch_of([11, 7, 4])
    assert torch.equal(conditional(batch, torch.randn(3, 5)), plain(batch, None))


def test_perturbed_maps_part_two_tasks_at_every_conditional_layer_only(bert_folder, batch_of):
    encoder = load_encoder(bert_folder, condition=ConditionPlan(5, first_layer=1)).encoder.eval()
    for name, parameter in encoder.named_parameters():
        if name.endswith("_map"):
            torch.nn.init.normal_(parameter)
    batch = batch_of([11, 11])
    one, other = torch.randn(1, 5).expand(2, 5), torch.randn(1, 5).expand(2, 5)
    x, y = encoder.embed(batch, one), encoder.embed(batch, other)
    for layer in range(3):
        x = encoder.run(x, batch, one, first=layer, last=layer + 1)
        y = encoder.run(y, batch, other, first=layer, last=layer + 1)
        assert torch.equal(x, y) == (layer < 1)


def test_a_mixed_batch_equals_one_by_one(bert_folder, batch_of):
    encoder = load_encoder(bert_folder, condition=ConditionPlan(5)).encoder.eval()
    for name, parameter in encoder.named_parameters():
        if name.endswith("_map"):
            torch.nn.init.normal_(parameter, std=0.3)
    batch, condition = batch_of([11, 7, 4]), torch.randn(3, 5)
    mixed = encoder(batch, condition)
    for row, length in enumerate((11, 7, 4)):
        alone = encoder(_rows(batch, [row], length), condition[[row]])[0]
        torch.testing.assert_close(alone, mixed[row, :length], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("joint_from", [0, 2, 3])
def test_below_joint_from_a_text_does_not_see_its_partner(bert_folder, batch_of, joint_from):
    encoder = load_encoder(bert_folder, joint_from=joint_from).encoder.eval()
    batch = batch_of([10])
    ids = batch.token_ids.clone()
    ids[0, 5:10] = (ids[0, 5:10] - 5 + 7) % 35 + 5
    other = TokenBatch(ids, batch.type_ids, batch.position_ids, batch.side, batch.mask)
    for last in range(1, 4):
        x = encoder.run(encoder.embed(batch, None), batch, None, first=0, last=last)
        y = encoder.run(encoder.embed(other, None), other, None, first=0, last=last)
        assert torch.allclose(x[0, :5], y[0, :5], atol=1e-6) == (last <= joint_from)


def test_a_side_without_tokens_gives_no_nan(bert_folder, batch_of):
    encoder = load_encoder(bert_folder, joint_from=3).encoder.eval()
    batch = batch_of([6, 11])
    empty = TokenBatch(batch.token_ids, batch.type_ids, batch.position_ids, torch.zeros_like(batch.side), batch.mask)
    assert torch.isfinite(encoder(empty, None)).all()


def test_joint_from_beyond_the_layers_is_refused(bert_folder):
    with pytest.raises(InputError, match="between 0 and the 3 layers, not at 4"):
        load_encoder(bert_folder, joint_from=4)
