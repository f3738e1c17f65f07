"""The declared steps by which a matcher reads texts, kept in its folder."""

from pydantic import BaseModel, ConfigDict

__all__ = ["TextNormalization"]


class TextNormalization(BaseModel):
    """Which steps are taken between a text and its tokens; a new matcher takes all of them.

    Example:
        >>> TextNormalization.none().taken, "spell_unknown" in TextNormalization().taken
        ((), True)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop_invisible: bool = True
    """Characters that show nothing and are no space count for nothing (U+200B, U+200D, U+202E, U+FEFF, ...)."""
    to_simplified: bool = True
    """Traditional characters are read as their simplified forms, by the tables of OpenCC's ``t2s``."""
    special_tokens_as_text: bool = True
    """``</s>`` or ``[SEP]`` in a text are the characters they are spelled with, whatever the tokenizer."""
    spell_unknown: bool = True
    """What the vocabulary lacks is spelled by a digest of its characters: equal ones stay equal, others differ."""
    reject_blank: bool = True
    """Two texts in which there is nothing to read are no match, under any standard."""

    @classmethod
    def none(cls) -> "TextNormalization":
        """No step at all: texts are read as they stand, as by every matcher from before there were steps."""
        return cls(**dict.fromkeys(cls.model_fields, False))

    @property
    def taken(self) -> tuple[str, ...]:
        """Names of the steps that are taken."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))
