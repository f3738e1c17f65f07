"""SimSiam and BYOL: their losses by loops, what gets a gradient, and the average that BYOL predicts."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import predictor_head, projector_head
from yanmo.vectors.byol import Byol
from yanmo.vectors.simsiam import SimSiam
from yanmo.vectors.two_views import cosine_distance


def _heads():
    return {
        "projector": projector_head(5, hidden_width=8, out_width=6, n_layers=2).double(),
        "predictor": predictor_head(6, hidden_width=4).double(),
    }


def _encoder():
    return nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 5)).double()


X = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def _distance(p, z):
    return sum(1 - torch.dot(a, b).item() / (a.norm() * b.norm()).item() for a, b in zip(p, z, strict=True)) / len(p)


def test_the_loss_is_that_of_a_loop():
    model = SimSiam(_encoder(), **_heads())
    z0, z1 = (model.projector(model.encoder(x)) for x in X.chunk(2))
    expected = (_distance(model.predictor(z0), z1) + _distance(model.predictor(z1), z0)) / 2
    found = model(X)
    assert found.loss.item() == pytest.approx(expected, rel=1e-10)
    torch.testing.assert_close(found.projections[1], z1)
    torch.testing.assert_close(found.vectors[0], model.encoder(X[:10]))
    assert not any(x.requires_grad for pair in (found.vectors, found.projections) for x in pair)


def test_the_gradient_is_that_of_the_loss_with_targets_held_still():
    model = SimSiam(_encoder(), **_heads())
    weight = model.encoder[0].weight
    held = [model.projector(model.encoder(x)).detach() for x in X.chunk(2)]

    def loss():
        p0, p1 = (model.predictor(model.projector(model.encoder(x))) for x in X.chunk(2))
        return ((_distance(p0, held[1]) + _distance(p1, held[0])) / 2,)

    model(X).loss.backward()
    for i, j in ((0, 0), (3, 2)):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[i, j] += step
            ends.append(loss()[0])
            with torch.no_grad():
                weight[i, j] -= step
        assert weight.grad[i, j].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-9)


def test_without_predictor_stopping_only_halves_the_gradient():
    encoder, projector = _encoder(), _heads()["projector"]
    gradients = []
    for target in (torch.detach, lambda z: z):
        model = SimSiam(encoder, projector=projector, predictor=nn.Identity(), target=target)
        model.zero_grad()
        model(X).loss.backward()
        gradients.append(encoder[0].weight.grad.clone())
    torch.testing.assert_close(2 * gradients[0], gradients[1])


def test_byol_predicts_what_a_copy_with_averaged_weights_makes():
    model = Byol(_encoder(), **_heads(), decay=0.5)
    model(X)
    slow = copy.deepcopy(nn.Sequential(model.encoder, model.projector))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in (1, 2, 3):
        optimizer.zero_grad()
        found = model(X)
        with torch.no_grad():
            targets = [slow(x) for x in X.chunk(2)]
        p0, p1 = (model.predictor(model.projector(model.encoder(x))) for x in X.chunk(2))
        assert found.loss.item() == pytest.approx((_distance(p0, targets[1]) + _distance(p1, targets[0])) / 2)
        found.loss.backward()
        optimizer.step()
        model.update(step)
        keep = min(0.5, (1 + step) / (10 + step))
        fast = nn.Sequential(model.encoder, model.projector)
        with torch.no_grad():
            for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
                old.mul_(keep).add_(new, alpha=1 - keep)


def test_byols_average_can_be_kept_and_taken_over():
    model, other = Byol(_encoder(), **_heads(), decay=0.9), Byol(_encoder(), **_heads(), decay=0.9)
    model.update(1)
    other.load_average(model.average_values())
    other.load_state_dict(model.state_dict())
    assert other(X).loss.item() == model(X).loss.item()
    assert set(model.average_values()) == {
        f"{part}.{name}"
        for part in ("encoder", "projector")
        for name, p in getattr(model, part).named_parameters()
        if p.requires_grad
    }


def test_the_distance_is_safe_at_zero_and_has_its_ends():
    p = torch.zeros(2, 3, requires_grad=True)
    cosine_distance(p, torch.randn(2, 3)).backward()
    assert torch.isfinite(p.grad).all()
    x = torch.randn(4, 3)
    assert cosine_distance(x, 2 * x).item() == pytest.approx(0, abs=1e-6)
    assert cosine_distance(x, -x).item() == pytest.approx(2)
    assert F.cosine_similarity(x, x.flip(0)).mean().item() == pytest.approx(1 - cosine_distance(x, x.flip(0)).item())


@pytest.mark.parametrize("rows", [0, 2, 7])
def test_a_batch_of_one_or_of_half_pairs_is_refused(rows):
    for model in (SimSiam(_encoder(), **_heads()), Byol(_encoder(), **_heads(), decay=0.9)):
        with pytest.raises(InputError, match=rf"{rows} rows were given; two views of at least 2 inputs"):
            model(torch.randn(rows, 4, dtype=torch.float64))
