"""On Ray with two workers the groups are the same, byte for byte."""

import pytest

from yanmo.collection import deduplicate
from yanmo.match import Matcher

TEXTS = ["今天天气不错", "今天天气", "我们去公园", "学生去公园", "天气不错", "公园学生", "今天学生"]


def test_the_result_is_that_of_this_process(alone_exported, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from yanmo.collection.ray_encoding import encoding_on_ray

    monkeypatch.setattr("yanmo.collection.vector_folder._PORTION", 2)
    _, folder = alone_exported
    matcher = Matcher.from_pretrained(folder, n_threads=1)
    deduplicate(TEXTS, matcher=matcher, task="strict", out=tmp_path / "here.csv")
    with encoding_on_ray(str(folder), task="strict", n_workers=2) as encode:
        deduplicate(TEXTS, matcher=matcher, task="strict", out=tmp_path / "ray.csv", encode=encode)
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert (tmp_path / "ray.review.csv").read_bytes() == (tmp_path / "here.review.csv").read_bytes()
