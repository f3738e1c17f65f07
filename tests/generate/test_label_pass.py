import pytest
import torch

from yanmo.generate.label_pass import label_log_likelihoods
from yanmo.generate.prefix_cache import PrefixCache

LABELS = [[20], [20, 21], [30, 31, 32], [21], [9, 9, 9, 9, 9]]


def slowly(network, prompts, labels):
    rows = []
    for prompt in prompts:
        rows.append([])
        for label in labels:
            with torch.no_grad():
                log_probs = (
                    network(torch.tensor([[*prompt, *label]]), use_cache=False).logits[0].double().log_softmax(-1)
                )
            places = range(len(prompt) - 1, len(prompt) + len(label) - 1)
            rows[-1].append(sum(float(log_probs[place, token]) for place, token in zip(places, label, strict=True)))
    return torch.tensor(rows, dtype=torch.float64)


@pytest.fixture
def counted(network):
    calls = []
    network.register_forward_pre_hook(
        lambda module, arguments, options: calls.append(options["input_ids"].numel()), with_kwargs=True
    )
    return calls


@pytest.mark.parametrize("max_tokens", [1, 7, 1024])
@pytest.mark.parametrize(
    "prompts",
    [
        [[5]],
        [[5, 6, 7, 8, 9]],
        [[5, 6, 7, 8, 9], [5, 6, 7, 3], [5, 6, 7, 8]],
        [[5, 6], [8, 9, 10]],
        [[4, 5, 6], [4, 5, 6]],
    ],
    ids=str,
)
def test_the_scores_are_those_of_whole_texts(network, prompts, max_tokens):
    prefix = PrefixCache()
    expected = slowly(network, prompts, LABELS)
    for _ in range(2):
        found = label_log_likelihoods(network, prompts, LABELS, prefix=prefix, max_tokens=max_tokens)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_eager_attention_gives_the_same(network):
    expected = slowly(network, [[5, 6, 7]], LABELS)
    network.set_attn_implementation("eager")
    found = label_log_likelihoods(network, [[5, 6, 7]], LABELS, prefix=PrefixCache())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_half_precision_comes_close(network):
    expected = slowly(network, [[5, 6, 7]], LABELS)
    found = label_log_likelihoods(network.bfloat16(), [[5, 6, 7]], LABELS, prefix=PrefixCache())
    torch.testing.assert_close(found, expected, atol=1.0, rtol=0)


def test_twenty_labels_cost_little_beside_ten_demonstrations(network, counted):
    """The prefix once, and of every label all tokens but the last."""
    prompt = [3 + i % 50 for i in range(50)]
    labels = [[60 + i, 90 + i] for i in range(20)]
    prefix = PrefixCache()
    label_log_likelihoods(network, [prompt], labels, prefix=prefix)
    assert counted == [49, 1 + 20]
    assert sum(counted) <= 1.6 * len(prompt)
    counted.clear()
    label_log_likelihoods(network, [prompt], labels, prefix=prefix)
    assert counted == [1 + 20]


def test_queries_share_their_demonstrations(network, counted):
    shared = list(range(3, 43))
    prompts = [[*shared, 50], [*shared, 51, 52], [*shared, 53]]
    prefix = PrefixCache()
    label_log_likelihoods(network, prompts, [[7], [8, 9]], prefix=prefix)
    assert counted == [40, (1 + 1) + (2 + 1) + (1 + 1)]
    counted.clear()
    label_log_likelihoods(network, [[*shared, 54]], [[7]], prefix=prefix)
    assert counted == [1]


def test_a_pass_is_no_longer_than_asked(network, counted):
    prompts = [[5, 6, i] for i in range(10, 16)]
    label_log_likelihoods(network, prompts, LABELS, prefix=PrefixCache(), max_tokens=12)
    assert max(counted) <= 12
    assert len(counted) > 3
