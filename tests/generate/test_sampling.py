import torch
from transformers import TopPLogitsWarper

from yanmo.generate import Decoding
from yanmo.generate.sampling import ExponentialRace, samplers

CPU = torch.device("cpu")
IDS = torch.zeros(1, 1, dtype=torch.long)


def test_draws_follow_the_softmax():
    scores = torch.tensor([[2.0, 0.0, -1.0, -torch.inf]])
    race = ExponentialRace([3], device=CPU)
    n = 5_000
    counts = torch.zeros(4)
    for _ in range(n):
        counts[race(IDS, scores.clone()).argmax()] += 1
    p = scores[0].softmax(0)
    # Five standard deviations of a binomial share.
    assert ((counts / n - p).abs() <= 5 * (p * (1 - p) / n).sqrt()).all()
    assert counts[3] == 0


def test_a_row_draws_alike_whatever_is_beside_it():
    scores = torch.randn(3, 50)
    together = ExponentialRace([7, 8, 9], device=CPU)
    alone = ExponentialRace([8], device=CPU)
    for _ in range(3):
        assert torch.equal(together(IDS.expand(3, 1), scores)[1], alone(IDS, scores[1:2])[0])


def test_the_chain_holds_what_was_asked_for():
    assert len(samplers(Decoding(), seeds=[0], device=CPU)) == 0
    assert len(samplers(Decoding(method="sample", top_p=1.0), seeds=[0], device=CPU)) == 1
    chain = samplers(Decoding(method="sample", temperature=0.5, top_k=3, top_p=0.6), seeds=[0], device=CPU)
    scores = torch.tensor([[0.0, 1.0, 0.9, -1.0, 0.8]])
    kept = chain(IDS, scores.clone()) > -torch.inf
    hot = (scores * 2).masked_fill(torch.tensor([[True, False, False, True, False]]), -torch.inf)
    assert torch.equal(kept, TopPLogitsWarper(0.6)(IDS, hot) > -torch.inf)
    assert kept.sum() == 2


def test_the_draw_survives_very_unequal_scores():
    scores = torch.tensor([[1e4, -1e4, 0.0]])
    assert int(ExponentialRace([0], device=CPU)(IDS, scores).argmax()) == 0
