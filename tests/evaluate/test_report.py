import re

import numpy as np

from yanmo.data import Pair
from yanmo.evaluate import Consistency, TaskScores, fit_decision, judge_across_halves, write_report


def test_the_page_stands_alone_and_shows_the_worst_errors_safely(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.random(60) < 0.4
    logits = rng.normal(size=60) + labels
    pairs = [
        Pair(f"<b>甲{i}</b>", "乙" * 900, int(label), None, i + 1, "/data/ssA/valid.txt")
        for i, label in enumerate(labels)
    ]
    worst = int(np.argmax(np.where(labels, -np.inf, logits)))
    task = TaskScores("ssA", "A", labels, logits, pairs=pairs)
    judgement = judge_across_halves([task], n_splits=2, n_bootstrap=50)
    agreement = [Consistency("ssB", "ssA", 60, 10, 1, 0.05, 0.9)]
    path = tmp_path / "report.html"
    write_report(path, judgement, [task], {"ssA": fit_decision(task)}, title="试 & 验", consistency=agreement)
    page = path.read_text(encoding="utf-8")
    assert "试 &amp; 验" in page
    assert f"{judgement.official.f1:.4f}" in page
    assert page.count("<svg") == 1
    assert not re.search(r'(src|href)="?https?:', page)
    assert "<b>甲" not in page
    first = page.index("误判为匹配")
    assert page.index(f"&lt;b&gt;甲{worst}&lt;/b&gt;") == page.index("&lt;b&gt;", first)
    assert "（共 900 字）" in page
    assert "严格判匹配" in page
