import pytest

from yanmo.data.labels import label_key


@pytest.mark.parametrize("value", ["1", 1, 1.0, "1.0", True, "True", " true ", "01", "1e0"])
def test_every_spelling_of_one_is_one(value):
    assert label_key(value) == "1"


@pytest.mark.parametrize("value", ["0", 0, 0.0, -0.0, "-0.0", False, "FALSE"])
def test_every_spelling_of_zero_is_zero(value):
    assert label_key(value) == "0"


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), "nan", "NaN"])
def test_gaps_are_no_label(value):
    assert label_key(value) is None


def test_other_values_stay_apart():
    values = ["矛盾", "entailment", "Entailment", 2, 2.5, -1, "inf", 10**400, 10, "1_0", "0b10", "0x2"]
    assert len({label_key(value) for value in values}) == len(values)
