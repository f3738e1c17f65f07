import pytest
from pydantic import ValidationError

from yanmo.errors import InputError
from yanmo.generate import Decoding, Method


@pytest.mark.parametrize("name", ["temperature", "top_k", "top_p", "seed"])
def test_settings_of_sampling_are_refused_elsewhere(name):
    assert getattr(Decoding(method="sample", **{name: 1}), name) == 1
    for method in (Method.GREEDY, Method.BEAM):
        with pytest.raises(ValidationError, match=f"{name} belongs to the method sample, not to {method.value}"):
            Decoding(method=method, **{name: 1})


def test_beams_are_refused_elsewhere(tokenizer):
    with pytest.raises(ValidationError, match="n_beams belongs to the method beam, not to greedy"):
        Decoding(n_beams=3)
    assert Decoding(method="beam").for_transformers(tokenizer).num_beams == 4


@pytest.mark.parametrize(
    "values",
    [
        {"max_new_tokens": 0},
        {"method": "sample", "temperature": 0},
        {"method": "sample", "temperature": float("nan")},
        {"method": "sample", "top_p": 1.5},
        {"method": "sample", "top_k": 0},
        {"method": "sample", "seed": -1},
        {"method": "beam", "n_beams": 1},
        {"repetition_penalty": 0},
        {"no_repeat_ngram_size": -1},
        {"stop": ""},
        {"method": "guess"},
        {"beams": 2},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ValidationError):
        Decoding(**values)
    with pytest.raises(InputError, match="decoding"):
        Decoding().changed(values)


def test_a_changed_setting_is_checked_with_the_others():
    with pytest.raises(InputError, match="top_p belongs to the method sample, not to greedy"):
        Decoding(method="sample", top_p=0.9).changed({"method": "greedy"})
