"""What a matcher cannot read: nothing that is not seen moves a score, and what is seen and unknown is told apart."""

import json

import numpy as np
import pytest
import torch

from yanmo.data import Budget, Task, TaskSet
from yanmo.encode import EncoderConfig, ModelType
from yanmo.errors import InputError
from yanmo.match import Architecture, Decision, Matcher, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
from yanmo.match.verdicts import verdicts
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, TextNormalization, Vocabulary, WordTokenizer

ALL = TextNormalization()
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
KNOWN = "今天气不错我们去公园学生"
TASKS = TaskSet(
    name="two",
    tasks=(
        Task(name="strict", implies="loose", symmetric=False, budget=Budget(left=32, right=32)),
        Task(name="loose", symmetric=False, budget=Budget(left=32, right=32)),
    ),
)
INVISIBLE = "\u200b\u200d\u202e\ufeff\u2060\ufe0f"


def _tiny(normalization):
    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *KNOWN, *LETTERS, *(f"##{c}" for c in LETTERS), *"[]"]
    architecture = Architecture(layout=PairLayout.SIDES, joint_from=1, condition_width=4, head_width=6)
    config = EncoderConfig(ModelType.BERT, len(tokens), 8, 8, 2, 2, 12, 64)
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=architecture.layout, normalization=normalization)
    model = architecture.model_dump(mode="json")
    return Matcher(
        TorchEngine(classifier, config), encoder, MatchingFile(task_set=TASKS, model=model, normalization=normalization)
    )


@pytest.fixture(scope="module")
def tiny():
    return _tiny(ALL)


def _texts(rng, n, characters=KNOWN + "䶮🍎 "):
    return ["".join(characters[i] for i in rng.integers(len(characters), size=rng.integers(1, 9))) for _ in range(n)]


def test_a_thousand_pairs_score_bit_for_bit_alike_with_invisible_characters(tiny):
    rng = np.random.default_rng(0)
    shown = list(zip(_texts(rng, 1000), _texts(rng, 1000), strict=True))
    hidden = [(a[:1] + INVISIBLE[i % 6] + a[1:], INVISIBLE[-1 - i % 6] + b) for i, (a, b) in enumerate(shown)]
    assert np.array_equal(tiny.logits(shown, task="loose"), tiny.logits(hidden, task="loose"))


def test_a_thousand_texts_with_unknown_characters_match_themselves_and_no_other(tiny):
    rng = np.random.default_rng(1)
    unknown = "䶮𤩽𠮷🍎🍌😀안สم"
    other = {ord(c): unknown[(k + 1) % len(unknown)] for k, c in enumerate(unknown)}
    starts, ends = _texts(rng, 1000, KNOWN), _texts(rng, 1000, KNOWN)
    texts = [a + unknown[i % len(unknown)] + b for i, (a, b) in enumerate(zip(starts, ends, strict=True))]
    swapped = [text.translate(other) for text in texts]
    rows = tiny.rows([*zip(texts, texts, strict=True), *zip(texts, swapped, strict=True)], tasks=["loose"]).rows
    sides = [(row.token_ids[row.side == 0].tolist(), row.token_ids[row.side == 1].tolist()) for row in rows]
    assert all(a == b for a, b in sides[:1000])
    assert all(a != b for a, b in sides[1000:])


def test_what_a_folder_declares_it_does_and_one_that_declares_nothing_reads_texts_as_they_stand(tmp_path):
    _tiny(ALL).save_pretrained(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "matching.json").read_text())["normalization"] == dict.fromkeys(
        TextNormalization.model_fields, True
    )
    loaded = Matcher.from_pretrained(tmp_path / "new")
    assert loaded.matching.normalization == ALL
    pair = ("今\u200b天", "[MASK]氣䶮")
    assert np.array_equal(_ids(loaded, pair), _ids(_tiny(ALL), pair))
    # As a folder written before there were steps: the field is not there.
    _tiny(TextNormalization.none()).save_pretrained(tmp_path / "old")
    _edit(tmp_path / "old", lambda values: values.pop("normalization"))
    old = Matcher.from_pretrained(tmp_path / "old")
    token = old.pair_encoder.tokenizer
    own = [[token.cls_id, *token.encode(text).token_ids, token.sep_id] for text in pair]
    assert _ids(old, pair).tolist() == [*own[0], *own[1]]
    blank = old.judge([("", " ")], tasks=["loose"])["loose"]
    assert blank.probabilities[0] > 0
    assert not blank.is_blank[0]


def test_a_step_that_a_folder_does_not_name_is_not_taken(tmp_path):
    _tiny(ALL).save_pretrained(tmp_path / "run")
    _edit(tmp_path / "run", lambda values: values.update(normalization={"drop_invisible": True}))
    assert Matcher.from_pretrained(tmp_path / "run").matching.normalization.taken == ("drop_invisible",)
    _edit(tmp_path / "run", lambda values: values.update(normalization={"drop_invisibles": True}))
    with pytest.raises(InputError, match="drop_invisibles"):
        Matcher.from_pretrained(tmp_path / "run")


def test_an_encoder_that_reads_otherwise_than_the_matcher_declares_is_refused(tiny):
    with pytest.raises(InputError, match=r"reads texts by no step, the matcher declares drop_invisible"):
        Matcher(tiny.engine, PairEncoder(tiny.pair_encoder.tokenizer, layout=PairLayout.SIDES), tiny.matching)


def test_nothing_against_nothing_is_no_match_whatever_the_rule(tiny):
    blank = [("", ""), (" ", "\u3000"), ("\u200b\u200d", "\ufeff")]
    for task, verdict in tiny.judge([*blank, ("", "今天"), ("今天", "今天")], tasks=TASKS.names).items():
        assert verdict.is_blank.tolist() == [True, True, True, False, False], task
        assert verdict.probabilities[:3].tolist() == [0, 0, 0]
        assert not verdict.accepted[:3].any()
        assert (verdict.probabilities[3:] > 0).all()
    # Even where any probability is enough.
    always = tiny.matching.model_copy(update={"decisions": {"loose": Decision(threshold=0.0)}})
    found = verdicts(always, {"loose": [9.0, 9.0]}, is_blank=[True, False])["loose"]
    assert found.accepted.tolist() == [False, True]


def test_rows_say_what_the_vocabulary_lacks_and_where_windows_and_cuts_fall(tiny):
    long = "今天" * 200 + "䶮"
    rows = tiny.rows([("今🍎天🍌", "学生"), (long, "天"), ("", "\u200b")], tasks=["loose"])
    assert rows.n_unknown.tolist() == [[2, 0], [1, 0], [0, 0]]
    assert rows.is_blank.tolist() == [False, False, True]
    ((first,), (second,), (third,)) = rows.pairs
    assert sum(first.n_cut) == 0
    # 400 characters, and eight letters for the unknown one.
    assert sum(second.n_read[:1] + second.n_cut[:1]) == 400 + 8
    assert third.n_read == (0, 0)


def _ids(matcher, pair):
    (row,) = matcher.rows([pair], tasks=["loose"]).rows
    return row.token_ids


def _edit(folder, change):
    path = folder / "matching.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    (folder / "files.json").unlink(missing_ok=True)
