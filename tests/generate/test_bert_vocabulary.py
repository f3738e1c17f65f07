import json

import pytest
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import models
from transformers import BertTokenizer
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.generate import BertVocabulary, Decoding, load_language_model, text_nats
from yanmo.serve.cli import app
from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordTokenizer, load_tokenizer

TOKENS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"今天气不错去公园，。3.14岁",
    "hello",
    "world",
    "gp",
    "##t",
    "##2",
    "##4",
]


@pytest.fixture
def bert_folder(tmp_path, make_gpt2):
    """A tiny random GPT-2 with BERT's vocabulary, as most published Chinese ones are laid out."""
    folder = tmp_path / "gpt2-chinese"
    network = make_gpt2(len(TOKENS), eod=50256)
    network.save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in TOKENS), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), encoding="utf-8")
    return folder, network


@pytest.mark.parametrize("text", ["今天天气不错", "Hello world, 3.14岁", "gpt2 今天", "龘天\n气", ""])
def test_a_prompt_has_the_ids_of_the_published_tokenizer_and_greedy_goes_on_as_the_network_does(
    bert_folder, slow_greedy, text
):
    folder, network = bert_folder
    model = load_language_model(folder)
    ids = BertTokenizer(str(folder / "vocab.txt"))(text)["input_ids"][:-1]
    assert [*model.tokenizer.start_ids, *model.tokenizer.encode(text).token_ids.tolist()] == ids
    [found] = model.generate([text], decoding=Decoding(max_new_tokens=8))
    expected = slow_greedy(network, ids, 8, end=model.tokenizer.eod_id)
    assert list(found.token_ids) == expected
    assert found.text == model.tokenizer.decode(expected)
    streamed = []
    model.stream(text, streamed.append, decoding=Decoding(max_new_tokens=8))
    assert "".join(streamed) == found.text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["今", "天", "，", "天", "气"], "今天，天气"),
        (["hello", "world", "，", "gp", "##t", "3"], "hello world，gpt 3"),
        (["3", ".", "1", "##4", "岁"], "3.14岁"),
        (["[CLS]", "今", "[UNK]", "[SEP]", "[PAD]", "[MASK]"], "今\u2047"),
        (["##t", "##2"], "t2"),
        ([], ""),
    ],
)
def test_tokens_are_joined_as_chinese_is_written(tokens, text):
    vocabulary = Vocabulary(TOKENS)
    tokenizer = BertVocabulary(WordTokenizer(vocabulary, segmenter=CharacterSegmenter()))
    ids = [vocabulary[token] for token in tokens]
    assert tokenizer.decode(ids) == text
    assert all(text.startswith(tokenizer.decode(ids[:n])) for n in range(len(ids) + 1))


def test_a_tokenizer_json_of_word_pieces_is_read_the_same(bert_folder, tmp_path):
    folder, _ = bert_folder
    before = load_language_model(folder).tokenizer
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    (folder / "vocab.txt").unlink(missing_ok=True)
    after = load_language_model(folder).tokenizer
    ids = before.encode("今天 hello world gpt2").token_ids.tolist()
    assert after.encode("今天 hello world gpt2").token_ids.tolist() == ids
    assert (after.decode(ids), after.start_ids, after.eod_id) == (before.decode(ids), before.start_ids, before.eod_id)


def test_what_stands_before_a_text_stays_when_it_is_cut(bert_folder):
    folder, _ = bert_folder
    model = load_language_model(folder)
    seen = []
    model.network.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["input_ids"].tolist()), with_kwargs=True
    )
    [found] = model.generate(["今天" * 40], decoding=Decoding(max_new_tokens=4), too_long="cut_left")
    assert len(seen[0][0]) == 60
    assert (seen[0][0][0], found.n_cut) == (TOKENS.index("[CLS]"), 21)


def test_other_tokens_may_begin_and_end_texts(bert_folder):
    folder, network = bert_folder
    model = load_language_model(folder, start="[MASK]", end="[CLS]")
    assert (model.tokenizer.start_ids, model.tokenizer.eod_id) == ((4,), 2)
    assert load_language_model(folder, start="").tokenizer.start_ids == ()
    with pytest.raises(InputError, match=r"no token '<s>'"):
        load_language_model(folder, start="<s>")
    with pytest.raises(InputError, match="another is given"):
        load_language_model(folder, tokenizer=model.tokenizer, start="[MASK]")
    nats = text_nats(network, model.tokenizer, ["今天"]).nats
    with torch.no_grad():
        logits = network(torch.tensor([[4, 5, 6]])).logits[0].log_softmax(-1)
    assert nats == pytest.approx(-float(logits[0, 5] + logits[1, 6]), rel=1e-4)


def test_a_newline_that_it_cannot_say_is_no_text_to_stop_at(bert_folder):
    with pytest.raises(InputError, match="can never say"):
        load_language_model(bert_folder[0]).generate(
            ["今天"], decoding=Decoding(max_new_tokens=4, stop_at_newline=True)
        )


def test_tokens_of_cpm_are_its_own(cpm_folder):
    with pytest.raises(InputError, match="CPM-LM's has its own"):
        load_language_model(cpm_folder[0], start="[CLS]")


def test_a_vocabulary_of_other_pieces_is_refused(tmp_path):
    pieces = [(token, 0.0) for token in ("<unk>", "<s>", "</s>", "<pad>", "今")]
    Backend(models.Unigram(pieces, unk_id=0)).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="neither BERT's"):
        BertVocabulary(load_tokenizer(tmp_path))


def test_the_command_continues_a_text(bert_folder):
    folder, _ = bert_folder
    model = load_language_model(folder)
    [expected] = model.generate(["今天"], decoding=Decoding(max_new_tokens=5))
    asked = ["generate", str(folder), "--prompt", "今天", "--max-new-tokens", "5", "--method", "greedy"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert expected.text in done.stdout
