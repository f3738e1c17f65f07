"""Wherever the library takes a member of an enum it takes the member's value too, and refuses all else by name.

Without that a string is no member by ``is`` and means, silently, whatever the ``else`` branch does.
"""

import importlib
import inspect
import pkgutil
import re
import sys
import typing
from enum import Enum
from types import FunctionType, GeneratorType
from unittest.mock import MagicMock

import pytest
import torch
from pydantic import BaseModel

import yanmo
from yanmo.errors import InputError

# What the library itself makes, and hands out.
_MADE_INSIDE = {
    *("MegatronRule", "Edit", "PairReader", "Completion", "PairRows", "PairChunk", "CollapseReading", "GradientFlow"),
    *("DescentRun", "StrengthRun", "RefusalError", "RowForm", "ReadingRules", "Exported"),
}


def _modules():
    """All modules but the verbs, whose words typer checks."""
    for found in pkgutil.walk_packages(yanmo.__path__, "yanmo."):
        if not found.name.startswith(("yanmo.serve.commands.", "yanmo.__main__")):
            yield importlib.import_module(found.name)


def _kinds_in(hint):
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [hint]
    return [kind for part in typing.get_args(hint) for kind in _kinds_in(part)]


def _callables(module):
    for name in getattr(module, "__all__", ()):
        found = getattr(module, name)
        if getattr(found, "__module__", None) != module.__name__ or name in _MADE_INSIDE:
            continue
        if isinstance(found, FunctionType):
            yield name, found, None
        elif isinstance(found, type) and not issubclass(found, Enum | BaseModel):
            yield name, found.__init__, found
            for part, value in vars(found).items():
                method = value.__func__ if isinstance(value, classmethod) else value
                if not part.startswith("_") and isinstance(method, FunctionType):
                    yield f"{name}.{part}", method, found if isinstance(value, classmethod) else MagicMock()


def _choices():
    """Every parameter of a public callable that takes a member of an enum."""
    for module in _modules():
        enums = {name: value for name, value in vars(module).items() if _kinds_in(value)}
        for name, function, holder in _callables(module):
            bare = inspect.unwrap(function)
            for parameter in inspect.signature(bare).parameters.values() if isinstance(bare, FunctionType) else ():
                written = parameter.annotation
                hint = (
                    eval(written, vars(module))
                    if isinstance(written, str) and set(re.findall(r"\w+", written)) & set(enums)
                    else written
                )
                for kind in _kinds_in(hint):
                    yield pytest.param(
                        bare, holder, parameter, kind, id=f"{module.__name__[6:]}.{name}({parameter.name})"
                    )


CHOICES = list(_choices())


def _stand_in(parameter):
    hint = parameter.annotation
    kinds = _kinds_in(hint)
    if kinds:
        return next(iter(kinds[0]))
    return {int: 2, float: 0.5}.get(hint, torch.ones(2, 2) if "Tensor" in str(hint) else MagicMock())


def _call(function, holder, parameter, value):
    """Calls with the value for one parameter and with stand-ins for all others that are needed."""
    if typing.get_origin(parameter.annotation) is not None and "Collection" in str(parameter.annotation):
        value = [value]
    given = []
    more = {parameter.name: value}
    for place, other in enumerate(inspect.signature(function).parameters.values()):
        if place == 0 and other.name in ("self", "cls"):
            given.append(holder.__new__(holder) if function.__name__ == "__init__" else holder)
        elif other.name != parameter.name and other.default is other.empty:
            more[other.name] = _stand_in(other)
    made = function(*given, **more)
    if isinstance(made, GeneratorType):
        next(made)  # until then nothing of it has been done
    return made


class _TakenError(Exception):
    """Raised in place of going on, once a value has been taken."""


@pytest.mark.parametrize(("function", "holder", "parameter", "kind"), CHOICES)
def test_a_value_is_taken_for_its_member_and_nonsense_is_refused_by_name(
    function, holder, parameter, kind, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    nonsense = "no such thing"
    with pytest.raises(
        InputError, match=rf"^{parameter.name} is {nonsense!r}, which is no {kind.__name__}\. Fix: take one of "
    ):
        _call(function, holder, parameter, nonsense)
    from yanmo import errors

    chosen, taken = errors.chosen, []

    def take(wanted, value, *, name):
        found = chosen(wanted, value, name=name)
        if name != parameter.name or wanted is not kind:
            return found
        taken.append(found)
        raise _TakenError

    for module in list(sys.modules.values()):
        if getattr(module, "chosen", None) is chosen:
            monkeypatch.setattr(module, "chosen", take)
    for member in kind:
        with pytest.raises(_TakenError):
            _call(function, holder, parameter, member.value)
    assert taken == list(kind)


def test_the_walk_finds_what_there_is():
    """Of each way to take one: function, class, frozen setting, method, one that may be left out, many at once."""
    names = {choice.id for choice in CHOICES}
    assert names >= {
        "fit.loop.precision.autocast(precision)",
        "vectors.pooled.PooledEncoder(pooling)",
        "encode.config.EncoderConfig(model_type)",
        "generate.language_model.LanguageModel.generate(too_long)",
        "export.weight_plan.WeightPlan.uniform(form)",
        "data.reading.read_pairs(file_format)",
        "data.edits.generate.edit_pairs(kinds)",
    }
