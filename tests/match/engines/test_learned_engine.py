"""Standards computed from trained ones: the others' scores stay to the bit, also saved, exported and loaded again."""

import json

import numpy as np
import pytest

from yanmo.data.tasks import Task
from yanmo.errors import InputError
from yanmo.match import Matcher, MatchingFile
from yanmo.match.decisions import Learned
from yanmo.match.engines.learned_engine import LearnedEngine, with_heads
from yanmo.match.engines.learned_head import LearnedHead, SourceWeights

PAIRS = [("今天天气", "今天天气不错"), ("我们去公园", "学生去公园"), ("气", "不错"), ("今天我们去", "我们今天去")]


def head(width=8, *, seed=0):
    random = np.random.default_rng(seed)
    source = SourceWeights(
        name="loose",
        leaning=0.7,
        distance=-1.5,
        differences=tuple(random.normal(size=width)),
        products=tuple(random.normal(size=width)),
    )
    return LearnedHead(sources=(source, SourceWeights(name="strict", leaning=-0.4)), bias=0.3)


def learned_matcher(matcher, *, of=None, symmetric=False):
    budget = matcher.matching.task_set.tasks[0].budget
    tasks = (*matcher.matching.task_set.tasks, Task(name="mine", symmetric=symmetric, budget=budget))
    matching = MatchingFile.model_validate(
        {
            **matcher.matching.model_dump(),
            "task_set": {**matcher.matching.task_set.model_dump(), "tasks": tasks},
            "learned": {"mine": Learned(n_pairs=4, n_matches=2, sources=("loose", "strict"))},
        }
    )
    engine = with_heads(matcher.engine, matcher.matching.trained, {"mine": of or head()})
    return Matcher(engine, matcher.pair_encoder, matching)


def by_hand(matcher, weights):
    """The head's formula, pair by pair, from the texts' vectors that the graph gives."""
    rows = matcher.rows(PAIRS, tasks=["loose"]).rows
    expected = []
    for row in rows:
        total = weights.bias
        for source in weights.sources:
            index = matcher.matching.task_set.index(source.name)
            logit = matcher.engine.logits([row], [index])[0]
            u, v = (each / np.linalg.norm(each) for each in matcher.engine.vectors([row], [index])[0].astype(float))
            total += source.leaning * np.tanh(logit / 2) + source.distance * (1 - u @ v)
            if source.differences:
                total += np.sqrt(8) * np.abs(u - v) @ source.differences + 8 * (u * v) @ source.products
        expected.append(total)
    return expected


def test_logits_are_those_of_the_formula_and_torch_gives_the_same(exported):
    torch_matcher, folder = exported
    plain = Matcher.from_pretrained(folder)
    expected = by_hand(plain, head())
    assert np.ptp(expected) > 0.1
    assert learned_matcher(plain).logits(PAIRS, task="mine") == pytest.approx(expected, abs=1e-4)
    assert learned_matcher(torch_matcher).logits(PAIRS, task="mine") == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("exports", [False, True])
def test_others_stay_to_the_bit_through_saving_and_loading(exported, tmp_path, exports):
    matcher = Matcher.from_pretrained(exported[1]) if exports else exported[0]
    learned = learned_matcher(matcher)
    learned.save_pretrained(tmp_path / "with")
    matcher.save_pretrained(tmp_path / "without")
    again = Matcher.from_pretrained(tmp_path / "with")
    before = matcher.score_all(PAIRS)
    for each in (learned, again):
        after = each.score_all(PAIRS)
        assert list(after) == ["loose", "strict", "mine"]
        for task, scores in before.items():
            assert np.array_equal(scores, after[task])
            assert np.array_equal(matcher.score(PAIRS, task=task), each.score(PAIRS, task=task))
    assert np.array_equal(again.logits(PAIRS, task="mine"), learned.logits(PAIRS, task="mine"))
    size = sum(path.stat().st_size for path in (tmp_path / "with").iterdir())
    assert size - sum(path.stat().st_size for path in (tmp_path / "without").iterdir()) < 100_000


def test_an_export_takes_learned_standards_along(exported, tmp_path):
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    learned = learned_matcher(exported[0])
    export_matcher(learned, tmp_path / "export", plan=WeightPlan.uniform(WeightForm.FLOAT32))
    again = Matcher.from_pretrained(tmp_path / "export")
    assert again.logits(PAIRS, task="mine") == pytest.approx(learned.logits(PAIRS, task="mine"), abs=1e-4)
    plain = Matcher.from_pretrained(exported[1])
    assert np.array_equal(plain.score(PAIRS, task="strict"), again.score(PAIRS, task="strict"))


def test_one_learned_task_alone_cannot_be_exported(exported, tmp_path):
    from yanmo.export import WeightForm, WeightPlan, export_task_graph

    with pytest.raises(InputError, match="computed from loose and strict"):
        export_task_graph(
            learned_matcher(exported[0]), tmp_path / "one", task="mine", plan=WeightPlan.uniform(WeightForm.FLOAT32)
        )


def test_a_pair_swapped_scores_the_same_where_the_standard_is_symmetric(exported):
    learned = learned_matcher(Matcher.from_pretrained(exported[1]), symmetric=True)
    swapped = [(b, a) for a, b in PAIRS]
    assert np.array_equal(learned.score(PAIRS, task="mine"), learned.score(swapped, task="mine"))


def test_its_weights_are_part_of_who_scores(exported):
    plain = Matcher.from_pretrained(exported[1])
    one, other = learned_matcher(plain), learned_matcher(plain, of=head(seed=1))
    assert len({each.identity().weights for each in (plain, one, other)}) == 3
    assert one.identity().engine == plain.identity().engine


def test_texts_are_kept_for_learned_standards_too(exported):
    learned = learned_matcher(exported[0])
    before = learned.score(PAIRS, task="mine")
    assert learned.encode_texts([text for pair in PAIRS for text in pair], tasks=["mine"]) > 0
    assert learned.score(PAIRS, task="mine") == pytest.approx(before, abs=1e-6)
    learned.forget_texts()
    with pytest.raises(InputError, match="cannot keep one"):
        learned_matcher(Matcher.from_pretrained(exported[1])).encode_texts(["今天"], tasks=["mine"])


def _damaged(folder, change):
    path = folder / "learned.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["heads"])
    path.write_text(json.dumps(content), encoding="utf-8")
    (folder / "files.json").unlink()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda heads: heads.update(other=heads.pop("mine")), "the last of matching.json"),
        (lambda heads: heads["mine"]["sources"][0].update(name="unknown"), "was not trained on"),
        (lambda heads: heads["mine"].update(bias="x"), "bias"),
        (lambda heads: heads["mine"]["sources"][0].update(differences=[1.0]), "8 components"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(exported, tmp_path, change, says):
    learned_matcher(Matcher.from_pretrained(exported[1])).save_pretrained(tmp_path / "with")
    _damaged(tmp_path / "with", change)
    with pytest.raises(InputError, match=says):
        Matcher.from_pretrained(tmp_path / "with").score(PAIRS, task="mine")


def test_a_folder_that_lost_its_heads_is_refused(exported, tmp_path):
    learned_matcher(Matcher.from_pretrained(exported[1])).save_pretrained(tmp_path / "with")
    (tmp_path / "with" / "learned.json").unlink()
    (tmp_path / "with" / "files.json").unlink()
    with pytest.raises(InputError, match="mine was learned"):
        Matcher.from_pretrained(tmp_path / "with")


def test_a_head_over_standards_that_are_not_there_is_refused(overlap_matcher):
    engine = overlap_matcher[0].engine
    with pytest.raises(InputError, match="which this matcher does not know"):
        LearnedEngine(engine, ("ssA",), {"mine": LearnedHead(sources=(SourceWeights(name="ssB", leaning=1.0),))})
    with pytest.raises(InputError, match="does not give"):
        LearnedEngine(engine, ("ssA",), {"mine": LearnedHead(sources=(SourceWeights(name="ssA", distance=1.0),))})


def test_a_score_asks_the_graph_once_for_each_source_and_shares_the_layers_below(exported, monkeypatch):
    learned = learned_matcher(Matcher.from_pretrained(exported[1]))
    feeds = []
    run = type(learned.engine.inner).run_both

    def watched(self, feed):
        feeds.append(feed)
        return run(self, feed)

    monkeypatch.setattr(type(learned.engine.inner), "run_both", watched)
    learned.score(PAIRS, task="mine")
    n_rows, n_scored = (sum(len(feed[name]) for feed in feeds) for name in ("spread", "task"))
    assert (n_rows, n_scored) == (len(PAIRS), 2 * len(PAIRS))
