"""Of ``benchmarks/label_cost.py``."""

from label_cost import measure_label_cost

from yanmo.generate import LanguageModel


def test_the_measurement_counts(model):
    cost = measure_label_cost(LanguageModel(model.network, model.tokenizer), "ab" * 20, ["你", "的"], n_repeats=1)
    assert (cost.n_prompt_tokens, cost.n_label_tokens) == (20, 3)
    assert cost.ratio == cost.scored_seconds / cost.prompt_seconds > 0
