"""A YAML file read into a checked model, with the line of whatever is wrong."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InputError

__all__ = ["StrictModel", "parse_yaml", "read_yaml", "refusal_of"]

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """Settings that stay as they were checked; an unknown key is refused, and so are NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# No file of settings comes near these; what does is an attack or a file of another kind.
_MAX_BYTES, _MAX_DEPTH = 1 << 22, 32


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Reads one YAML file and checks it against a pydantic model.

    Of YAML it takes mappings, lists and plain values; see `parse_yaml`.

    Args:
        path: The file, in UTF-8.
        model: The class to fill.

    Returns:
        The checked object.

    Raises:
        InputError: The file is missing, is over 4 MiB, is not UTF-8, is not such YAML, gives a key twice, or does not
            fit the model; the message names the file and the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", where=path, fix="save it as UTF-8") from error
    if len(content) > _MAX_BYTES:
        raise InputError(f"is longer than {_MAX_BYTES >> 20} MiB", where=path, fix="give a file of settings")
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise InputError("holds no 'key: value' lines", where=path, fix="write a mapping")
        _refuse_repeated_keys(node, path)
        values = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        raise InputError(f"is not valid YAML: {_problem_of(error)}", where=path, line=line, fix="correct it") from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fix = _FIXES.get(first["type"], "correct it")
        raise InputError(refusal_of(error), where=path, line=_line_of(node, first["loc"]), fix=fix) from error


def parse_yaml(text: str) -> Any:
    """Reads one YAML value, such as that of ``--set key=value``.

    Only ``true``, ``false``, ``null``, decimal numbers and what is built of them is more than text. YAML 1.1, PyYAML's
    own, makes True of ``yes``, 8 of ``010`` and 750 of ``12:30``: a label so written would be another.

    Args:
        text: The value.

    Returns:
        A text, number, truth value, None, list or mapping.

    Raises:
        InputError: It is not YAML, uses anchors, aliases or tags, or gives a key twice.

    Example:
        >>> parse_yaml("[yes, 010, 12:30, 0x10, 2021-01-01, true, 5, 1e-3]")
        ['yes', '010', '12:30', '0x10', '2021-01-01', True, 5, 0.001]
    """
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_keys(node, None)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise InputError(f"'{text[:40]}' is not valid YAML: {_problem_of(error)}", fix="quote it") from error


def refusal_of(error: ValidationError) -> str:
    """Says in one sentence what a pydantic model refused first.

    Args:
        error: What the model raised.

    Returns:
        The place in the values, a colon and the problem; the problem alone where it is with the whole.

    Example:
        >>> class Size(BaseModel):
        ...     width: int
        >>> try:
        ...     Size.model_validate({"width": "x"})
        ... except ValidationError as error:
        ...     refusal_of(error)
        'width: Input should be a valid integer, unable to parse string as an integer'
    """
    first = error.errors(include_url=False)[0]
    name = ".".join(str(step) for step in first["loc"])
    problem = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{name}: {problem}" if name else problem


_FIXES = {"extra_forbidden": "delete the key or correct its spelling", "missing": "add the key"}


class _PlainLoader(yaml.SafeLoader):
    """Bounded: nothing is given a name and repeated, so that what is built is no larger than what is written."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors (&) and aliases (*) are not read", problem_mark=event.start_mark
            )
        if getattr(event, "tag", None) not in (None, "!"):
            raise yaml.MarkedYAMLError(problem=f"the tag {event.tag} is not read", problem_mark=event.start_mark)
        if self._depth >= _MAX_DEPTH:
            problem = f"it is nested deeper than {_MAX_DEPTH} levels"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if any("\ud800" <= character <= "\udfff" for character in getattr(event, "value", "")):
            raise yaml.MarkedYAMLError(problem="half a surrogate pair is no text", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


# At most 18 digits: Python itself refuses to read some thousands of them.
for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", "~nN\0"),
    ("int", "[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+|(?:0|[1-9][0-9]*)(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first))
_PlainLoader.yaml_implicit_resolvers[""] = _PlainLoader.yaml_implicit_resolvers.pop("\0")


def _problem_of(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


def _refuse_repeated_keys(node: yaml.Node, path: Path | None) -> None:
    """PyYAML keeps the last of two equal keys without a word; the first one would be lost."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(child, path)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError("a key is a list or a mapping", where=path, line=line, fix="write a name")
            if key.value in seen:
                raise InputError(f"the key '{key.value}' is given twice", where=path, line=line, fix="keep one")
            # A key is a name, also where it could be read as a number.
            key.tag = "tag:yaml.org,2002:str"
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
