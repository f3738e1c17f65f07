"""The part of an exported graph above its texts' vectors, as a graph of its own: pairs of vectors to logits.

Where two texts do not meet in the encoder, all that depends on both is the head. ONNX Runtime cannot be fed in the
middle of a graph, so the part is cut out of the file's bytes: a model is a tree of numbered protobuf fields, of which
only the names are read here; nodes, weights and what they hold are copied as they are, so that no package is needed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...errors import InputError
from .protobuf import message

__all__ = ["HEAD_INPUTS", "cut_head"]

HEAD_INPUTS = ("first_vectors", "second_vectors")
"""Inputs of the cut graph beside ``task``: float32[scored, hidden] each."""

# Field numbers of onnx.proto3: ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto.
_GRAPH, _NODE, _WEIGHT, _INPUT, _OUTPUT, _VALUE_INFO = 7, 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _WEIGHT_NAME, _VALUE_NAME, _VALUE_TYPE = 1, 2, 4, 8, 1, 2
_BYTES = 2  # wire type of what has a length
_FLOAT = 1
# Inputs of a graph that have an entry for every score; ``row`` is read for its length only.
_SCORED = ("task", "row")


class _Field(NamedTuple):
    number: int
    wire: int
    whole: memoryview
    """With its tag and length."""
    content: memoryview


def cut_head(model: bytes) -> bytes:
    """Cuts the head out of a matcher's graph.

    Args:
        model: The bytes of ``model.onnx``, weights included.

    Returns:
        A model with the inputs `HEAD_INPUTS`, those of ``task`` and ``row`` that it needs, and the output ``logits``.

    Raises:
        InputError: The graph has no vectors, or its logits need more of the texts than their vectors.
    """
    parts = list(_fields(memoryview(model)))
    graph = next(part for part in parts if part.number == _GRAPH)
    inside = list(_fields(graph.content))
    nodes = [(part, _names(part, _NODE_INPUT), _names(part, _NODE_OUTPUT)) for part in inside if part.number == _NODE]
    makers = {name: i for i, (_, _, outputs) in enumerate(nodes) for name in outputs}
    inputs = {_names(part, _VALUE_NAME)[0]: part for part in inside if part.number == _INPUT}
    if "vectors" not in makers or "logits" not in makers:
        raise InputError("the graph gives no vectors", fix="write it again with yanmo export")
    # The output stacks the two sides' vectors; the head reads each before it is given an axis to be stacked on.
    sides = [nodes[makers[name]][1][0] for name in nodes[makers["vectors"]][1]]
    needed, waiting, kept = set(sides), ["logits"], set()
    while waiting:
        name = waiting.pop()
        if name in makers and name not in sides and makers[name] not in kept:
            kept.add(makers[name])
            found = [each for each in nodes[makers[name]][1] if each]
            needed.update(found)
            waiting += found
    beyond = sorted((needed & inputs.keys()) - set(_SCORED))
    if beyond or len(set(sides)) != 2 or not needed >= {*sides}:
        reads = ", ".join(beyond) or "more than two vectors"
        raise InputError(f"the head reads {reads}", fix="write the graph again with yanmo export")
    # Names of the sides stay what they were inside; only the world outside knows them as HEAD_INPUTS.
    renamed = b"".join(_identity(given, own) for given, own in zip(HEAD_INPUTS, sides, strict=True))
    body = [renamed]
    for part in inside:
        if part.number == _NODE:
            continue
        if part.number == _WEIGHT and _names(part, _WEIGHT_NAME)[0] not in needed:
            continue
        if part.number == _INPUT and _names(part, _VALUE_NAME)[0] not in needed.intersection(_SCORED):
            continue
        if part.number == _OUTPUT and _names(part, _VALUE_NAME)[0] != "logits":
            continue
        if part.number != _VALUE_INFO:
            body.append(bytes(part.whole))
    body += [bytes(part.whole) for i, (part, _, _) in enumerate(nodes) if i in kept]
    body += [_input(name) for name in HEAD_INPUTS]
    cut = b"".join(bytes(part.whole) for part in parts if part.number != _GRAPH)
    return cut + message([(_GRAPH, b"".join(body))])


def _fields(data: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            content = at
            _, at = _varint(data, at)
        elif wire == _BYTES:
            size, content = _varint(data, at)
            at = content + size
        else:
            content, at = at, at + (8 if wire == 1 else 4)
        if at > len(data):
            raise InputError("the graph is cut off", fix="copy the file again")
        yield _Field(tag >> 3, wire, data[start:at], data[content:at])


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise InputError("the graph is cut off", fix="copy the file again")


def _names(part: _Field, number: int) -> Sequence[str]:
    return [str(field.content, "utf-8") for field in _fields(part.content) if field.number == number]


def _identity(source: str, target: str) -> bytes:
    return message([(_NODE, message([(_NODE_INPUT, source), (_NODE_OUTPUT, target), (_NODE_OPERATOR, "Identity")]))])


def _input(name: str) -> bytes:
    """ValueInfoProto of a float32 matrix of any size: type.tensor_type = 1 of elem_type = 1 and shape = 2."""
    shape = message((1, message([(2, axis)])) for axis in ("scored", f"{name}_width"))
    tensor = message([(1, _FLOAT), (2, shape)])
    return message([(_INPUT, message([(_VALUE_NAME, name), (_VALUE_TYPE, message([(1, tensor)]))]))])
