import re

import pytest
import torch

from yanmo.regularize import MEMBERS, members
from yanmo.serve.doctor.regularizers import examine_regularizers


def test_every_regularizer_acts_and_the_callers_random_state_is_left_alone():
    before = torch.get_rng_state()
    lines = list(examine_regularizers())
    assert torch.equal(torch.get_rng_state(), before)
    assert len(lines) == len(MEMBERS) + 2
    for line in lines[1:-1]:
        assert "起作用" in line
        assert "强度 0 逐位相同" in line
        cosine, ratio = map(float, re.search(r"余弦 (-?[\d.]+)，比 ([\d.]+)", line).groups())
        assert cosine < 0.9999
        assert ratio > 0.5
    assert "走了到新权重的 0.818182" in lines[-1]


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_one_that_only_scales_the_gradient_is_caught(monkeypatch, factor):
    """The first is a penalty that is not differentiable, the second a peer's, which doubles the gradient."""
    monkeypatch.setattr(members, "gradient_penalty_loss", lambda loss_fn, tensors, weight: loss_fn() * factor)
    lines = list(examine_regularizers())
    assert f"余弦 1.000000，比 {factor:.6f}，没有作用" in lines[4]
    assert ("不同，有错" in lines[4]) == (factor == 2)
