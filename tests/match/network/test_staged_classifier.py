import numpy as np
import pytest
import torch

from yanmo.encode import ModelType
from yanmo.errors import InputError
from yanmo.match import Matcher
from yanmo.match.architecture import HeadKind
from yanmo.match.engines.torch_engine import collate
from yanmo.match.network.staged_classifier import StagedClassifier
from yanmo.tokenize import PairBudget, PairLayout

TEXTS = ["今天天气", "我们去公园", "学生", "", "气", "今天天气不错我们去公园"]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS[:4]]
BUDGET = PairBudget(16, 16)


def _padded(matcher, pairs, tasks):
    batch = collate(pairs, pad_id=0)
    with torch.inference_mode():
        return matcher.engine.classifier(batch, torch.tensor(tasks)).numpy()


def _count_tokens(matcher):
    """Tokens that each block computes, filled as it runs."""
    counts = [0] * len(matcher.engine.classifier.encoder.blocks)

    def hook(i):
        def add(module, given, output):
            counts[i] += output.shape[0] * output.shape[1]

        return add

    for i, block in enumerate(matcher.engine.classifier.encoder.blocks):
        block.register_forward_hook(hook(i))
    return counts


@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ROFORMER, ModelType.NEZHA])
@pytest.mark.parametrize(
    "changes",
    [
        {"joint_from": 0, "conditional_from": 0},
        {"joint_from": 0, "conditional_from": 0, "layout": PairLayout.JOINT},
        {"joint_from": 1, "conditional_from": 2},
        {"joint_from": 2, "conditional_from": 1},
        {"joint_from": 3, "conditional_from": 1, "head": HeadKind.ALIGNMENT},
        {"joint_from": 3, "conditional_from": None, "separate_heads": True},
        {"joint_from": 2, "conditional_from": 0, "layout": PairLayout.JOINT, "head": HeadKind.POOLED},
        {"joint_from": 0, "conditional_from": 1, "layout": PairLayout.JOINT, "head": HeadKind.CLASSIFICATION},
    ],
    ids=str,
)
def test_scores_equal_the_padded_forward_pass(tiny_matcher, model_type, changes):
    matcher = tiny_matcher(model_type=model_type, n_layers=3, **changes)
    pairs = matcher.pair_encoder.encode_batch(PAIRS, budgets=BUDGET)
    tasks = [i % 2 for i in range(len(pairs))]
    expected = _padded(matcher, pairs, tasks)
    for max_tokens, held_tokens in ((2048, 1 << 15), (10, 40)):
        staged = StagedClassifier(
            matcher.engine.classifier, max_tokens=max_tokens, held_tokens=held_tokens, recent_tokens=30
        )
        np.testing.assert_allclose(staged.logits(pairs, tasks), expected, atol=1e-5)


def test_one_text_against_many_is_computed_once_below_the_joint_layer(tiny_matcher):
    matcher = tiny_matcher(n_layers=3, joint_from=1, conditional_from=2)
    counts = _count_tokens(matcher)
    matcher.logits([("今天", text) for text in TEXTS], task="loose")
    lengths = [len(text) + 2 for text in TEXTS]
    assert counts == [4 + sum(lengths), 4 * len(TEXTS) + sum(lengths), 4 * len(TEXTS) + sum(lengths)]


def test_all_tasks_share_what_is_below_the_conditional_layers(tiny_matcher):
    matcher = tiny_matcher(n_layers=3, joint_from=1, conditional_from=2)
    alone = {task: matcher.score(PAIRS, task=task) for task in ("loose", "strict")}
    counts = _count_tokens(matcher)
    together = matcher.score_all(PAIRS)
    n_pairs = sum(len(a) + len(b) + 4 for a, b in PAIRS)
    assert counts == [sum(len(text) + 2 for text in TEXTS), n_pairs, 2 * n_pairs]
    for task, scores in alone.items():
        np.testing.assert_allclose(together[task], scores, atol=1e-6)
    assert {task: scores.shape for task, scores in matcher.score_all([]).items()} == {"loose": (0,), "strict": (0,)}


def test_texts_never_joint_are_computed_once_a_task(tiny_matcher):
    matcher = tiny_matcher(n_layers=3, joint_from=3, conditional_from=1)
    counts = _count_tokens(matcher)
    matcher.score_all(PAIRS)
    n_texts = sum(len(text) + 2 for text in TEXTS)
    assert counts == [n_texts, 2 * n_texts, 2 * n_texts]


def test_kept_texts_are_not_computed_again_and_score_alike(tiny_matcher):
    matcher = tiny_matcher(n_layers=3, joint_from=2, conditional_from=1)
    before = matcher.score_all(PAIRS)
    assert matcher.encode_texts(TEXTS[:2], tasks=["loose"]) < matcher.encode_texts(TEXTS)
    counts = _count_tokens(matcher)
    for task, scores in matcher.score_all(PAIRS).items():
        np.testing.assert_allclose(scores, before[task], atol=1e-6)
    assert counts[:2] == [0, 0]
    assert counts[2] > 0
    matcher.forget_texts()
    matcher.score_all(PAIRS[:1])
    assert counts[0] > 0


def test_joint_models_and_exports_have_nothing_to_keep(tiny_matcher, exported):
    assert tiny_matcher(joint_from=0).encode_texts(TEXTS) == 0
    with pytest.raises(InputError, match="computes both texts at once"):
        Matcher.from_pretrained(exported[1]).encode_texts(TEXTS)
    with pytest.raises(InputError, match="'other'"):
        tiny_matcher().encode_texts(TEXTS, tasks=["other"])
