"""Edited texts with what they mean for a match, from any texts and a seed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from random import Random
from types import MappingProxyType

from ...errors import InputError, chosen
from .conditions import add_condition, remove_condition
from .counts import change_number, change_unit
from .dates import change_date, rewrite_date
from .kinds import Edit, EditKind, EditRule
from .opposites import change_negation, change_opposite
from .renames import change_company, change_person, change_place
from .renumbering import rewrite_numeral
from .roles import reorder_list, swap_roles
from .spelling import change_politeness, change_punctuation, change_spacing, change_width, script_rule

__all__ = ["EDIT_RULES", "edit_pairs"]

EDIT_RULES: Mapping[EditKind, EditRule] = MappingProxyType(
    {
        EditKind.NUMBER: change_number,
        EditKind.UNIT: change_unit,
        EditKind.PLACE: change_place,
        EditKind.PERSON: change_person,
        EditKind.OPPOSITE: change_opposite,
        EditKind.CONDITION_REMOVED: remove_condition,
        EditKind.CONDITION_ADDED: add_condition,
        EditKind.PUNCTUATION: change_punctuation,
        EditKind.WIDTH: change_width,
        EditKind.NUMERAL: rewrite_numeral,
        EditKind.DATE_FORM: rewrite_date,
        EditKind.SPACING: change_spacing,
        EditKind.POLITENESS: change_politeness,
        EditKind.ROLE_SWAP: swap_roles,
        EditKind.DATE: change_date,
        EditKind.NEGATION: change_negation,
        EditKind.COMPANY: change_company,
        EditKind.LIST_ORDER: reorder_list,
    }
)
"""The rule of every kind but `EditKind.SCRIPT`, which needs a converter: see `script_rule`."""


def edit_pairs(
    texts: Iterable[str],
    *,
    kinds: Collection[EditKind | str] | None = None,
    n: int | None = None,
    per_text: int = 1,
    max_characters: int | None = 120,
    seed: int = 0,
    convert_script: Callable[[str], str] | None = None,
) -> Iterator[Edit]:
    """Edits texts, keeping the kinds in balance: the kind seen least so far comes first.

    Args:
        texts: The texts; those that no kind applies to give nothing.
        kinds: Kinds to make; None for all that models may be trained on.
        n: Number of pairs to stop at; None for as many as the texts give.
        per_text: Most pairs of one text, each of another kind.
        max_characters: Longer texts are passed over, None for none: one detail of a long article is rarely what a
            standard asks about, so that the label of a hard edit there would be in doubt.
        seed: Of every draw; the same texts and seed give the same pairs.
        convert_script: Gives a text in the other script (simplified or traditional); `EditKind.SCRIPT` needs it.

    Returns:
        The pairs, made as they are asked for: `Edit.before`, `Edit.after`, `Edit.kind` and `Edit.label`.

    Raises:
        InputError: A number is below 1, no kind is left, or `EditKind.SCRIPT` is asked for without a converter.

    Example:
        >>> [(edit.after, edit.label) for edit in edit_pairs(["怎么绑定银行卡"], kinds=[EditKind.OPPOSITE])]
        [('怎么解绑银行卡', 0)]
    """
    named = None if kinds is None else {chosen(EditKind, kind, name="kinds") for kind in kinds}
    rules = _rules(named, convert_script)
    for name, count in (("n", n), ("per_text", per_text), ("max_characters", max_characters)):
        if count is not None and count < 1:
            raise InputError(f"{name} is {count}, expected 1 or more", fix="leave it out or raise it")
    short = (text for text in texts if max_characters is None or len(text) <= max_characters)
    return _edits(short, rules=rules, n=n, per_text=per_text, seed=seed)


def _rules(kinds: Collection[EditKind] | None, convert_script: Callable[[str], str] | None) -> dict[EditKind, EditRule]:
    known = dict(EDIT_RULES)
    if convert_script is not None:
        known[EditKind.SCRIPT] = script_rule(convert_script)
    if kinds is None:
        return {kind: rule for kind, rule in known.items() if kind.is_trained}
    if EditKind.SCRIPT in kinds and convert_script is None:
        raise InputError(
            "edits of the script need a converter",
            fix='pass convert_script, such as opencc.OpenCC("s2t").convert',
        )
    if not kinds:
        raise InputError("there is no kind of edit to make", fix="name one kind at least, or leave 'kinds' out")
    return {kind: known[kind] for kind in EditKind if kind in kinds}


def _edits(
    texts: Iterable[str], *, rules: Mapping[EditKind, EditRule], n: int | None, per_text: int, seed: int
) -> Iterator[Edit]:
    made = dict.fromkeys(rules, 0)
    for index, text in enumerate(texts):
        rng = Random(f"{seed}:{index}:{text}")
        order = sorted(rules, key=lambda kind: (made[kind], rng.random()))
        n_left = per_text
        for kind in order:
            edit = rules[kind](text, rng) if n_left else None
            if edit is not None and edit.after != text:
                made[kind] += 1
                n_left -= 1
                yield edit
                if sum(made.values()) == n:
                    return
