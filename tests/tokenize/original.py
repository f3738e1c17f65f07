"""The original algorithm restated plainly and slowly, as the reference that ids are compared with."""

import unicodedata


class OriginalTokenizer:
    def __init__(self, ids, cut):
        self.table = ids
        self.cut = cut

    def ids(self, text):
        return [self.table.get(token, self.table["[UNK]"]) for token in self.tokens(text, cut=True)]

    def tokens(self, text, *, cut):
        text = unicodedata.normalize("NFD", text.lower())
        text = "".join(ch for ch in text if unicodedata.category(ch) != "Mn")
        if cut:
            words = [[w] if w in self.table else self.tokens(w, cut=False) for w in self.cut(text)]
            return [token for word in words for token in word]
        spread = "".join(map(self.spread, text))
        return [piece for word in spread.split() for piece in self.pieces(word)]

    def spread(self, ch):
        code, category = ord(ch), unicodedata.category(ch)
        ascii_sign = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
        blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)]
        blocks += [(0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
        if ascii_sign or category[0] == "P" or any(a <= code <= b for a, b in blocks):
            return f" {ch} "
        if ch in " \n\r\t" or category == "Zs":
            return " "
        return "" if code in (0, 0xFFFD) or category in ("Cc", "Cf") else ch

    def pieces(self, word):
        if len(word) > 200:
            return [word]
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.table:
                    break
            else:
                return [word]
            found.append(piece)
            start = end
        return found
