import pytest
import torch
import transformers

from yanmo.encode import TokenBatch

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "type_vocab_size": 2,
    "initializer_range": 0.5,
}
FAMILY = {
    "bert": (transformers.BertModel, transformers.BertConfig, {}),
    "roformer": (transformers.RoFormerModel, transformers.RoFormerConfig, {"embedding_size": 12}),
    "roberta": (transformers.RobertaModel, transformers.RobertaConfig, {}),
    "roberta, one type, padding 0": (
        transformers.RobertaModel,
        transformers.RobertaConfig,
        {"type_vocab_size": 1, "pad_token_id": 0},
    ),
    "xlm-roberta": (transformers.XLMRobertaModel, transformers.XLMRobertaConfig, {}),
    "xlm-roberta, padding 3": (transformers.XLMRobertaModel, transformers.XLMRobertaConfig, {"pad_token_id": 3}),
    "bert, one type": (transformers.BertModel, transformers.BertConfig, {"type_vocab_size": 1}),
    "ernie": (transformers.ErnieModel, transformers.ErnieConfig, {"use_task_id": True}),
}


@pytest.fixture(params=FAMILY)
def reference(request, tmp_path):
    """A tiny random transformers model and the folder it was saved to."""
    model_class, config_class, more = FAMILY[request.param]
    model = model_class(config_class(**SIZES | more)).eval()
    model.save_pretrained(tmp_path)
    return model, tmp_path


@pytest.fixture
def bert_folder(tmp_path):
    transformers.BertModel(transformers.BertConfig(**SIZES)).save_pretrained(tmp_path)
    return tmp_path


def make_batch(lengths, *, seq=11, pad_id=0):
    mask = torch.arange(seq)[None] < torch.tensor(lengths)[:, None]
    token_ids = torch.randint(5, 40, mask.shape).masked_fill(~mask, pad_id)
    half = torch.tensor(lengths)[:, None] // 2
    side = (torch.arange(seq)[None] >= half).long()
    positions = torch.arange(seq).expand(mask.shape)
    return TokenBatch(token_ids, side, positions, side, mask)


@pytest.fixture
def batch_of():
    return make_batch
