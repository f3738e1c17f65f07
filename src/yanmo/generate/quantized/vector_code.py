"""Vector instructions without loops for compiled kernels: loads, products, sums and prefetches.

A compiler that turns loops into vector instructions keeps running sums in memory and chains their additions. Here the
sums stay in registers, and neighboring instructions belong to different sums, so that none waits for the one before.
LLVM fits the vectors to whatever the processor has.
"""

from collections.abc import Callable
from typing import Any

from ...errors import require_extra
from .kernel_blocks import numba

__all__ = ["AHEAD", "SUMS", "VectorCode", "straight_line"]

ir = require_extra("llvmlite.ir", extra="generate")

AHEAD = 8192
"""Bytes of weights that are asked for before they are read: further than the processor looks ahead by itself."""
SUMS = 4
"""Running sums of vectors that are kept in registers at a time."""

_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()


class VectorCode:
    """Writes LLVM instructions that work on vectors of ``lanes`` numbers.

    Args:
        builder: Takes the instructions.
        lanes: Numbers of a vector.
    """

    def __init__(self, builder: Any, *, lanes: int) -> None:
        self._builder, self._lanes = builder, lanes
        self._floats, self._ints = ir.VectorType(_F32, lanes), ir.VectorType(_I32, lanes)

    def floats(self, address: Any, offset: int) -> Any:
        """Loads float32 numbers, aligned to 64 bytes."""
        return self._builder.load(self._pointer(address, offset, self._floats), align=64)

    def store(self, values: Any, address: Any, offset: int) -> None:
        """Stores float32 numbers, aligned to 64 bytes."""
        self._builder.store(values, self._pointer(address, offset, self._floats), align=64)

    def repeated(self, address: Any, offset: int) -> Any:
        """Loads one float32 number into all lanes."""
        number = self._builder.load(self._pointer(address, offset, _F32), align=4)
        undefined = ir.Constant(self._floats, ir.Undefined)
        first = self._builder.insert_element(undefined, number, _I32(0))
        return self._builder.shuffle_vector(first, undefined, ir.Constant(self._ints, [0] * self._lanes))

    def words(self, address: Any, offset: int) -> Any:
        """Loads 32-bit words."""
        return self._builder.load(self._pointer(address, offset, self._ints), align=4)

    def bytes_as_floats(self, address: Any, offset: int) -> Any:
        """Loads signed bytes and makes them float32 numbers."""
        codes = self._builder.load(self._pointer(address, offset, ir.VectorType(_I8, self._lanes)), align=1)
        return self._builder.sitofp(self._builder.sext(codes, self._ints), self._floats)

    def bits_as_floats(self, words: Any, *, first: int, n: int) -> Any:
        """Reads ``n`` bits of each 32-bit word as an unsigned number, without shifting them down: ``bits * 2**first``.

        Bits 4 to 7 of 0x00000A50 are 5, and the result is 80.0, which is 5 * 2**4: that saves an instruction where the
        other factor of a product is divided by the power beforehand. The highest bits of a word are shifted down all
        the same, since they would be read as a negative number: bits 28 to 31 of 0xA0000000 give 10.0.

        Args:
            words: The words.
            first: Number of the lowest bit to read, counted from 0.
            n: How many bits to read.

        Returns:
            One float32 number for each word: ``bits * 2**first``, or ``bits`` where ``first + n`` is 32.
        """
        if first + n == 32:
            chosen = self._builder.lshr(words, self._constant(first))
        else:
            chosen = self._builder.and_(words, self._constant((2**n - 1) << first))
        return self._builder.sitofp(chosen, self._floats)

    def product_sum(self, a: Any, b: Any, c: Any) -> Any:
        """Gives ``a * b + c``, rounded once where the processor can."""
        kind = ir.FunctionType(self._floats, [self._floats] * 3)
        return self._builder.call(self._function(f"llvm.fmuladd.v{self._lanes}f32", kind), [a, b, c])

    def prefetch(self, address: Any, offset: int) -> None:
        """Asks for a cache line that will be read once; an address outside of any memory does no harm."""
        pointer = _I8.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
        # For reading (0), once (locality 0: other things stay in the caches), data (1).
        arguments = [self._pointer(address, offset, _I8), _I32(0), _I32(0), _I32(1)]
        self._builder.call(self._function("llvm.prefetch.p0", kind), arguments)

    def _constant(self, value: int) -> Any:
        return ir.Constant(self._ints, [value] * self._lanes)

    def _pointer(self, address: Any, offset: int, kind: Any) -> Any:
        return self._builder.inttoptr(self._builder.add(address, _I64(offset)), kind.as_pointer())

    def _function(self, name: str, kind: Any) -> Any:
        return numba.core.cgutils.get_or_insert_function(self._builder.module, kind, name)


def straight_line(emit: Callable[[VectorCode, Any, Any, Any], None], *, lanes: int) -> Any:
    """Makes a function for compiled code that takes the addresses of running sums, quantized weights and inputs.

    Args:
        emit: Writes the instructions, given the three addresses.
        lanes: Numbers of a vector.

    Returns:
        The function; it returns nothing.
    """
    types = numba.core.types

    def typed(_context: Any, total: Any, codes: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, addresses: Any) -> Any:
            emit(VectorCode(builder, lanes=lanes), *addresses)
            return context.get_dummy_value()

        return types.void(total, codes, x), generate

    return numba.extending.intrinsic(typed)
