"""Which form each matrix of an exported matcher is stored in; no torch."""

from dataclasses import dataclass, replace
from enum import Enum

from ..errors import chosen

__all__ = ["WeightForm", "WeightPlan"]


class WeightForm(str, Enum):
    """How a matrix is stored."""

    FLOAT32 = "float32"
    INT8 = "int8"
    """8 bits in blocks of 128 that share a scale; activations in 8 bits by the same blocks."""
    INT8_ROWS = "int8-rows"
    """7 of 8 bits with one scale an output channel, activations in 8 bits with one scale a token: faster, coarser."""
    INT8_CHANNELS = "int8-channels"
    """8 bits with one scale an output channel, in plain operations: OpenVINO rounds activations by the token."""
    INT4 = "int4"
    """4 bits in blocks of 32; activations in 8 bits by the same blocks."""
    INT4_ROWS = "int4-rows"
    """4 bits in blocks of 32 at rest, unfolded at loading into ``INT8_ROWS``: as small as the former, as fast as it."""

    @property
    def bits(self) -> int:
        """Bits of one weight as it is stored, scales not counted."""
        return {"float32": 32, "int8": 8, "int8-rows": 8, "int8-channels": 8, "int4": 4, "int4-rows": 4}[self.value]

    @property
    def block(self) -> int:
        """Weights that share a scale: 32 where 16 levels must do (4-bit checkpoints use the same), else 128."""
        return 32 if self.bits == 4 else 128

    @property
    def is_equal_in_company(self) -> bool:
        """Whether ONNX Runtime gives a score the same bits whatever stands beside it in a batch.

        Blocks and groups are added up as floats, in an order that depends on how many rows there are.
        """
        return self in (WeightForm.FLOAT32, WeightForm.INT8_ROWS, WeightForm.INT4_ROWS)

    @property
    def raised(self) -> "WeightForm":
        """The next finer form: the like of 8 bits above 4 bits, floats above 8."""
        finer = {WeightForm.INT4: WeightForm.INT8, WeightForm.INT4_ROWS: WeightForm.INT8_ROWS}
        return finer.get(self, WeightForm.FLOAT32)

    @property
    def of_tables(self) -> "WeightForm":
        """The form of embedding tables in an export whose matrices have this form."""
        return {WeightForm.INT8_ROWS: WeightForm.INT8, WeightForm.INT4_ROWS: WeightForm.INT4}.get(self, self)


@dataclass(frozen=True)
class WeightPlan:
    """Which form each part of a matcher takes.

    Layers that training has left alone often bear 4 bits better than those it has moved. Position table and head have
    8 bits where the upper layers have 4, and few weights.

    Attributes:
        table: The word table.
        lower: Layers below ``upper_from``.
        upper: Layers from ``upper_from`` on, positions and head.
        upper_from: First upper layer, counted from 0.
        raised: Names of matrices within ``FoldedClassifier`` that take the next finer form than their part.
    """

    table: WeightForm
    lower: WeightForm
    upper: WeightForm
    upper_from: int = 0
    raised: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Takes forms by their values too."""
        for name in ("table", "lower", "upper"):
            object.__setattr__(self, name, chosen(WeightForm, getattr(self, name), name=name))

    @property
    def is_for_openvino(self) -> bool:
        """Whether OpenVINO scores the export, not ONNX Runtime."""
        return WeightForm.INT8_CHANNELS in (self.table, self.lower, self.upper)

    @classmethod
    def uniform(cls, form: WeightForm | str) -> "WeightPlan":
        """The same form for every part."""
        form = chosen(WeightForm, form, name="form")
        return cls(form, form, form)

    def raising(self, names: frozenset[str]) -> "WeightPlan":
        """The same plan with these matrices, and no others, one form finer."""
        return replace(self, raised=names)

    def form_of(self, name: str) -> WeightForm:
        """The form of one matrix.

        Args:
            name: Name of its module within ``FoldedClassifier``.

        Returns:
            The form.

        Example:
            >>> plan = WeightPlan(WeightForm.INT4, WeightForm.INT4, WeightForm.INT8, upper_from=9)
            >>> plan.form_of("encoder.blocks.8.attention.key"), plan.form_of("encoder.blocks.9.attention.key")
            (<WeightForm.INT4: 'int4'>, <WeightForm.INT8: 'int8'>)
            >>> plan.raising(frozenset({"encoder.blocks.9.attention.key"})).form_of("encoder.blocks.9.attention.key")
            <WeightForm.FLOAT32: 'float32'>
        """
        form = self._of_part(name)
        return form.raised if name in self.raised else form

    def _of_part(self, name: str) -> WeightForm:
        if name == "encoder.embedding.word":
            return self.table
        if name.startswith("encoder.blocks."):
            return self.lower if int(name.split(".")[2]) < self.upper_from else self.upper
        return self.upper.raised if self.upper.bits == 4 else self.upper
