import pytest

from yanmo.data.edits.tables import (
    Companies,
    Conditions,
    Negations,
    Opposites,
    People,
    Places,
    Roles,
    Units,
    read_table,
)


@pytest.mark.parametrize("table", [Companies, Conditions, Negations, Opposites, People, Places, Roles, Units])
def test_every_table_is_read(table):
    assert read_table(table).model_dump()


def test_opposites_are_many_and_no_pair_stands_twice():
    table = read_table(Opposites)
    assert len(table.both) >= 80
    pairs = [frozenset(pair) for pair in (*table.both, *table.one_way)]
    assert len(set(pairs)) == len(pairs)
    assert all(len(pair) == 2 for pair in pairs)


def test_units_are_changed_for_no_other_name_of_theirs():
    same = [{"公里", "千米", "km"}, {"公斤", "千克", "kg"}, {"平米", "平方米"}, {"克", "g"}, {"小时", "个小时"}]
    swaps = read_table(Units).swaps
    for unit, others in swaps.items():
        assert unit not in others
        assert not any({unit, other} <= names for other in others for names in same)
    assert set(swaps) <= read_table(Units).counted | read_table(Units).digits_only


@pytest.mark.parametrize("groups", [read_table(Places).kinds(), read_table(People).known, read_table(Companies).root])
def test_a_name_stands_in_one_group_with_others(groups):
    names = [name for group in groups.values() for name in group]
    assert len(set(names)) == len(names)
    assert all(len(group) > 1 for group in groups.values())


def test_negations_differ_by_the_negation():
    assert all(negated[0] in "不没未" and negated[1:] == plain for plain, negated in read_table(Negations).pairs)
