"""The matcher that ships with the package; that it tells the bundled pairs apart is seen in the demonstration."""

import subprocess
import sys
from importlib.resources import as_file, files

import numpy as np
import pytest

from yanmo.data import TaskSet
from yanmo.match import Architecture, Matcher
from yanmo.match.engines.graph_weights import classifier_of_graph
from yanmo.match.engines.torch_engine import TorchEngine

# Blocks the packages that only training needs, then scores.
_WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'transformers', 'safetensors', 'huggingface_hub'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from yanmo import Matcher
print(sorted(Matcher.default(n_threads=1).score_all([('一', '二')])))
"""


@pytest.fixture(scope="module")
def matcher():
    return Matcher.default(n_threads=1)


def test_it_is_small_and_holds_no_torch_weights():
    folder = files("yanmo.assets") / "default"
    sizes = {entry.name: len(entry.read_bytes()) for entry in folder.iterdir()}
    assert sum(sizes.values()) <= 30e6
    assert "model.safetensors" not in sizes
    assert "README.md" in sizes  # the model card


def test_it_needs_no_torch():
    found = subprocess.run([sys.executable, "-c", _WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(sorted(TaskSet.load("standards").names))


def test_every_task_has_a_fitted_rule(matcher):
    for name in matcher.matching.task_set.names:
        rule = matcher.matching.decision(name)
        assert rule.n_examples
        assert 0 < rule.threshold < 1


def test_its_standards_are_those_that_ship(matcher):
    assert matcher.matching.task_set == TaskSet.load("standards")


def test_its_weights_come_back_from_its_graph_as_a_base_to_train_from(matcher):
    architecture = Architecture.model_validate(matcher.matching.model)
    with as_file(files("yanmo.assets") / "default") as folder:
        classifier, config = classifier_of_graph(folder, architecture, n_tasks=len(matcher.matching.task_set.names))
    pairs = [("怎么注销信用卡", "花呗怎么注销"), ("这本书很好看", "这部手机很好用")]
    made = matcher.rows(pairs, tasks=("intent", "review_kind", "review_opinion", "ssB"))
    found = TorchEngine(classifier, config).logits(made.rows, made.row_tasks)
    expected = matcher.engine.logits(made.rows, made.row_tasks)
    assert np.corrcoef(found, expected)[0, 1] > 0.995
    np.testing.assert_allclose(found, expected, atol=0.5)  # the graph rounds what goes between its matrices as well


def test_one_text_twice_matches_and_strangers_do_not(matcher):
    text = "国家统计局发布数据：上月全国居民消费价格同比上涨百分之零点三"
    for name in matcher.matching.task_set.names:
        scores = matcher.score([(text, text), (text, "小区门口新开了一家理发店，开业打八折")], task=name)
        assert scores[0] > scores[1]
    assert matcher.decide([(text, text)], task="ssA").tolist() == [True]
    assert matcher.decide([(text, "小区门口新开了一家理发店，开业打八折")], task="ssB").tolist() == [False]


def test_the_order_of_the_texts_and_the_company_change_no_bit_of_a_score(matcher):
    pairs = [
        ("巴塞罗那三比零取胜", "巴萨3:0赢球"),
        ("地铁四号线延长", "明天有雨" * 40),
        ("央行降准", "央行下调准备金率。"),
    ]
    together = matcher.score([*pairs, *pairs, pairs[0]], task="ssB").tolist()
    alone = [float(matcher.score([pair], task="ssB")[0]) for pair in pairs]
    assert together == [*alone, *alone, alone[0]]
    assert matcher.score([(b, a) for a, b in pairs], task="ssB").tolist() == alone
    assert [float(score) for score in matcher.score_all(pairs)["ssB"]] == alone
