from pathlib import Path

import pytest
import yaml

from yanmo.data.edits import find_companies, find_dates, find_numbers, find_people, find_places

SENTENCES = yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8"))
FINDERS = {
    "numbers": find_numbers,
    "dates": find_dates,
    "places": find_places,
    "people": find_people,
    "companies": find_companies,
}


def test_set_is_large_and_holds_each_sentence_once():
    texts = [sentence["text"] for sentence in SENTENCES]
    assert len(set(texts)) == len(texts) >= 120


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence["text"])
def test_all_that_is_meant_is_found_and_nothing_else(sentence):
    text = sentence["text"]
    found = {name: [text[part.start : part.end] for part in find(text)] for name, find in FINDERS.items()}
    assert found == {name: sentence.get(name, []) for name in FINDERS}


@pytest.mark.parametrize("sentence", [s for s in SENTENCES if "numbers" in s], ids=lambda sentence: sentence["text"])
def test_parts_of_a_number_are_the_number(sentence):
    text = sentence["text"]
    assert [number.text for number in find_numbers(text)] == [text[n.start : n.end] for n in find_numbers(text)]
