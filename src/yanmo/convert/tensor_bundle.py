"""Reads TensorFlow's checkpoint format (``NAME.index`` and ``NAME.data-*``) without TensorFlow, checksums included."""

import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .crc32c import masked_crc32c
from .sorted_table import read_sorted_table, read_varint

__all__ = ["Checkpoint", "ElementType", "Variable", "find_checkpoint", "open_checkpoint"]

_AGAIN = "the file is truncated or damaged; copy or download it again"
_COPY = "copy it there; all files of a checkpoint belong together"


class ElementType(Enum):
    """The element types a checkpoint of ours may hold, by TensorFlow's numbers."""

    FLOAT32 = 1
    FLOAT64 = 2
    INT32 = 3
    INT64 = 9
    BFLOAT16 = 14
    FLOAT16 = 19

    @property
    def is_floating(self) -> bool:
        """Whether values of this type may be weights."""
        return self not in (ElementType.INT32, ElementType.INT64)

    @property
    def stored(self) -> np.dtype[np.generic]:
        """How one element lies in the file; numpy has no bfloat16, whose bits are read as an integer."""
        name = "uint16" if self is ElementType.BFLOAT16 else self.name.lower()
        return np.dtype(name).newbyteorder("<")


@dataclass(frozen=True)
class Variable:
    """Where in a checkpoint's data files one variable is stored, with its type, shape and checksum.

    Attributes:
        name: Its name.
        type_number: TensorFlow's number of its element type.
        shape: Its shape.
        shard: Which data file it is in.
        offset: Its first byte there.
        size: Its number of bytes.
        checksum: Masked CRC-32C of its bytes.
        is_partitioned: Whether its parts lie in entries of their own.
    """

    name: str
    type_number: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    is_partitioned: bool


@dataclass(frozen=True)
class Checkpoint:
    """The index of one checkpoint.

    Attributes:
        prefix: Path of the checkpoint without ``.index``.
        n_shards: Number of data files.
        variables: What it holds, by name.
    """

    prefix: Path
    n_shards: int
    variables: dict[str, Variable]

    def read(self, name: str) -> NDArray[np.generic]:
        """Reads one variable and verifies its checksum.

        Args:
            name: Its name.

        Returns:
            Its values; bfloat16 comes as float32, which holds it exactly.

        Raises:
            InputError: The data file is missing, truncated or damaged, or the element type is none of ours.
        """
        variable = self.variables[name]
        path = _data_file(self.prefix, variable.shard, self.n_shards)
        known = {member.value: member for member in ElementType}
        if variable.is_partitioned or variable.type_number not in known:
            kind = "is partitioned" if variable.is_partitioned else f"has TensorFlow's type {variable.type_number}"
            names = ", ".join(member.name.lower() for member in ElementType)
            raise InputError(
                f"the variable '{name}' {kind}", where=path, fix=f"save it whole, as one of {names}, in TensorFlow"
            )
        element = known[variable.type_number]
        if variable.size != int(np.prod(variable.shape, dtype=np.int64)) * element.stored.itemsize:
            raise InputError(
                f"the variable '{name}' has {variable.size} bytes, not those of {list(variable.shape)}",
                where=self.prefix.with_name(f"{self.prefix.name}.index"),
                fix=_AGAIN,
            )
        raw = self._bytes(variable, path)
        if masked_crc32c(raw) != variable.checksum:
            raise InputError(f"the bytes of the variable '{name}' do not fit their checksum", where=path, fix=_AGAIN)
        values = raw.view(element.stored).reshape(variable.shape)
        if element is ElementType.BFLOAT16:
            values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return values

    def _bytes(self, variable: Variable, path: Path) -> NDArray[np.uint8]:
        try:
            with path.open("rb") as file:
                file.seek(variable.offset)
                raw = file.read(variable.size)
                if len(raw) < variable.size:
                    raise InputError(
                        f"has {path.stat().st_size:,} bytes; the variable '{variable.name}' ends at byte "
                        f"{variable.offset + variable.size:,}",
                        where=path,
                        fix=_AGAIN,
                    )
        except FileNotFoundError:
            raise InputError("the data file is missing", where=path, fix=_COPY) from None
        return np.frombuffer(raw, dtype=np.uint8)


def find_checkpoint(folder: Path, name: str | None) -> Path:
    """Finds the checkpoint of a folder, by its name or as the only one.

    Args:
        folder: The folder.
        name: Its name, or None where there is only one.

    Returns:
        Path of the checkpoint without ``.index``.

    Raises:
        InputError: There is no such folder, no checkpoint in it, or several and none named.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="name the folder that holds the checkpoint")
    if name is not None:
        return folder / name.removesuffix(".index")
    # A data file alone counts too: opening it says which index is missing.
    names = {path.name.removesuffix(".index") for path in folder.glob("*.index")} or {
        path.name.rpartition(".data-")[0] for path in folder.glob("*.data-*-of-*")
    }
    if len(names) > 1:
        listed = ", ".join(sorted(names))
        raise InputError(f"there are several checkpoints: {listed}", where=folder, fix="add --checkpoint NAME")
    if not names:
        wanted = "NAME.index and NAME.data-00000-of-00001"
        raise InputError(f"there is no checkpoint ({wanted})", where=folder, fix="check the path")
    return folder / names.pop()


def open_checkpoint(prefix: Path) -> Checkpoint:
    """Reads a checkpoint's index.

    Args:
        prefix: Path of the checkpoint without ``.index``.

    Returns:
        The names and shapes of its variables and where they lie.

    Raises:
        InputError: The index or a data file is missing, or the index is damaged or of another format.
    """
    path = prefix.with_name(f"{prefix.name}.index")
    entries = read_sorted_table(path)
    try:
        header = _Message(entries.pop(b""))
        variables = [_variable(key.decode("utf-8"), _Message(value)) for key, value in entries.items()]
    except (IndexError, KeyError, UnicodeDecodeError, struct.error):
        raise InputError("is a table, but not that of a TensorFlow checkpoint", where=path, fix=_AGAIN) from None
    # BundleHeaderProto: 1 number of data files, 2 whether big-endian.
    if header.number(2):
        raise InputError("was written on a big-endian machine", where=path, fix="save it again on an ordinary one")
    checkpoint = Checkpoint(prefix, header.number(1), {variable.name: variable for variable in variables})
    for shard in range(checkpoint.n_shards):
        data = _data_file(prefix, shard, checkpoint.n_shards)
        if not data.is_file():
            raise InputError("the data file is missing", where=data, fix=_COPY)
    return checkpoint


class _Message:
    """The fields of a protocol buffer, unnamed as the wire has them."""

    def __init__(self, data: bytes) -> None:
        self._numbers: dict[int, int] = {}
        self._parts: dict[int, list[bytes]] = {}
        at = 0
        while at < len(data):
            tag, at = read_varint(data, at)
            field, wire = tag >> 3, tag & 7
            if wire == 0:
                self._numbers[field], at = read_varint(data, at)
            elif wire == 2:
                size, at = read_varint(data, at)
                self._parts.setdefault(field, []).append(data[at : at + size])
                at += size
            else:
                number_format = {1: "<Q", 5: "<I"}[wire]
                self._numbers[field] = struct.unpack_from(number_format, data, at)[0]
                at += struct.calcsize(number_format)

    def number(self, field: int) -> int:
        """A number, 0 where it is left out."""
        return self._numbers.get(field, 0)

    def messages(self, field: int) -> "list[_Message]":
        """All messages of a repeated field."""
        return [_Message(part) for part in self._parts.get(field, [])]


def _variable(name: str, message: _Message) -> Variable:
    # BundleEntryProto: 1 type, 2 shape (whose 2 are the axes, whose 1 is the size), 3 data file, 4 offset, 5 size,
    # 6 checksum, 7 slices.
    return Variable(
        name=name,
        type_number=message.number(1),
        shape=tuple(axis.number(1) for shape in message.messages(2) for axis in shape.messages(2)),
        shard=message.number(3),
        offset=message.number(4),
        size=message.number(5),
        checksum=message.number(6),
        is_partitioned=bool(message.messages(7)),
    )


def _data_file(prefix: Path, shard: int, n_shards: int) -> Path:
    return prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{n_shards:05d}")
