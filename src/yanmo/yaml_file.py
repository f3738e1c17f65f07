"""A YAML file read into a checked model, with the line of whatever is wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from .errors import InputError

__all__ = ["read_yaml"]

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Reads one YAML file and checks it against a pydantic model.

    Args:
        path: The file, in UTF-8.
        model: The class to fill.

    Returns:
        The checked object.

    Raises:
        InputError: The file is missing, is not UTF-8, is not YAML, gives a key twice, or does not fit the model; the
            message names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", where=path, fix="save it as UTF-8") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise InputError("holds no 'key: value' lines", where=path, fix="write a mapping")
        _refuse_repeated_keys(node, path)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(
            f"is not valid YAML: {problem}", where=path, line=None if mark is None else mark.line + 1, fix="correct it"
        ) from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(step) for step in first["loc"])
        problem = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InputError(
            f"{name}: {problem}" if name else problem,
            where=path,
            line=_line_of(node, first["loc"]),
            fix=_FIXES.get(first["type"], "correct it"),
        ) from error


_FIXES = {"extra_forbidden": "delete the key or correct its spelling", "missing": "add the key"}


def _refuse_repeated_keys(node: yaml.Node, path: Path) -> None:
    """PyYAML keeps the last of two equal keys without a word; the first one would be lost."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(child, path)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, child in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise InputError(f"the key '{key.value}' is given twice", where=path, line=line, fix="keep one")
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            _refuse_repeated_keys(child, path)


def _line_of(node: yaml.Node, steps: Sequence[str | int]) -> int:
    """Walks down as far as the steps exist in the file; a missing key gives the line of its parent."""
    line: int = node.start_mark.line + 1
    for step in steps:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
            continue
        found = [(k, v) for k, v in node.value if k.value == step] if isinstance(node, yaml.MappingNode) else []
        if not found:
            break
        key, node = found[0]
        line = key.start_mark.line + 1
    return line
