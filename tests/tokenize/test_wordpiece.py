import unicodedata

from yanmo.tokenize.wordpiece import plain_form


def test_plain_form_equals_its_definition_for_every_character():
    """Alone and behind a letter, so that a mark has something to join."""
    for code in range(0x110000):
        for text in (chr(code), "A" + chr(code)):
            decomposed = unicodedata.normalize("NFD", text.lower())
            expected = "".join(ch for ch in decomposed if unicodedata.category(ch) != "Mn")
            assert plain_form(text) == expected, hex(code)
