import json

import numpy as np
import pytest
import torch
from PIL import Image
from rich.table import Table

from yanmo.study.canvas import panels
from yanmo.study.outcome import StudyOutcome, plain, save_outcome


def _outcome(**changes):
    figure, (left, right) = panels(2, title="two panels", width=3.0, height=2.0)
    left.plot([0, 1], [1, 0])
    right.plot([0, 1], [0, 1])
    numbers = {"loss": torch.tensor([1.0, float("inf")]), "slope": np.float64(2.5), 7: (None, True, "名")}
    given = {"name": "a_study", "seeds": (0, 3), "numbers": numbers, "tables": [Table()], "figures": {"flow": figure}}
    return StudyOutcome(**given | changes)


def test_a_study_is_saved_as_one_json_and_a_picture_a_figure(tmp_path):
    written = save_outcome(_outcome(), tmp_path / "out", quick=True, seconds=1.234)
    assert [str(path.relative_to(tmp_path)) for path in written] == ["out/a_study.json", "out/figures/a_study_flow.png"]
    record = json.loads(written[0].read_text(encoding="utf-8"))
    assert (record["study"], record["quick"], record["seconds"], record["seeds"]) == ("a_study", True, 1.2, [0, 3])
    assert record["numbers"] == {"loss": [1.0, "inf"], "slope": 2.5, "7": [None, True, "名"]}
    assert record["versions"]["numpy"] == np.__version__
    with Image.open(written[1]) as picture:
        assert picture.size == (600, 200)  # six by two inches at 100 dots


def test_saving_again_replaces_and_leaves_nothing_else(tmp_path):
    save_outcome(_outcome(), tmp_path, quick=True, seconds=1.0)
    save_outcome(_outcome(seeds=(9,)), tmp_path, quick=False, seconds=2.0)
    assert json.loads((tmp_path / "a_study.json").read_text(encoding="utf-8"))["seeds"] == [9]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a_study.json", "a_study_flow.png"]


def test_numbers_that_json_cannot_hold_are_named_or_refused():
    assert plain([float("nan"), -np.inf, np.int64(3), np.bool_(True)]) == ["nan", "-inf", 3, True]
    with pytest.raises(TypeError, match="hold a set"):
        plain({"seeds": {1, 2}})


def test_a_single_panel_is_a_list_of_one():
    figure, axes = panels(1, n_rows=1)
    assert axes == list(figure.axes)
