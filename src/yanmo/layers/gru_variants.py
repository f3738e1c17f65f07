"""Two GRUs of the article: both gates merged into one, and the reset gate moved to the end."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .gates import Gates

__all__ = ["MergedGateGRUCell", "ResetLastGRUCell"]


class MergedGateGRUCell(nn.Module):
    """The GRU whose update gate is its reset gate as well.

    ``r = sigmoid(W x + U h + b)``, ``n = tanh(W_n x + U_n (r h_{t-1}) + b_n)``, ``h_t = (1 - r) h_{t-1} + r n``.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h``.

    Example:
        >>> cell = MergedGateGRUCell(3, hidden_width=4)
        >>> cell.jacobian(torch.zeros(2, 3), torch.zeros(2, 4)).shape
        torch.Size([2, 4, 4])

    Source: kexue.fm/archives/7888, arXiv:1603.09420 (the minimal gated unit).
    """

    def __init__(self, input_width: int, *, hidden_width: int) -> None:
        super().__init__()
        self.hidden_width = self.state_width = hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=1)
        self.candidate = Gates(input_width, hidden_width=hidden_width, n_gates=1)

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b`` of the gate and the candidate."""
        return torch.cat([self.gates.project(x), self.candidate.project(x)], dim=-1)

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step from ``W x + b``."""
        r, n = self._open(projected, state)
        return state + r * (n - state)

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """Returns ``diag(1 - r) + diag((n - h) r') U + diag(r n') U_n (diag(r) + diag(h r') U)``."""
        r, n = self._open(self.project(x), state)
        slope = r * (1 - r)
        reset = torch.diag_embed(r) + (state * slope).unsqueeze(-1) * self.gates.recurrent_map
        return (
            torch.diag_embed(1 - r)
            + ((n - state) * slope).unsqueeze(-1) * self.gates.recurrent_map
            + (r * (1 - n * n)).unsqueeze(-1) * (self.candidate.recurrent_map @ reset)
        )

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns ``1 - r_t``."""
        return 1 - self._open(self.project(x), state)[0]

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)
        self.candidate.orthogonalize(gain=gain)

    @torch.no_grad()
    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the gate's bias to ``-bias``: it keeps ``1 - r``."""
        self.gates.bias[:] = -bias

    def _open(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        gate, candidate = projected.chunk(2, dim=-1)
        r = (gate + self.gates.recur(hidden)).sigmoid()
        return r, (candidate + self.candidate.recur(r * hidden)).tanh()


class ResetLastGRUCell(nn.Module):
    """The article's suggested GRU: the product with the reset gate comes last; the state is ``(h, c)``.

    ``z, r = sigmoid(W x + U h + b)``, ``n = tanh(W_n x + U_n h_{t-1} + b_n)``, ``c_t = (1 - z) c_{t-1} + z n``,
    ``h_t = r c_t``. As many parameters as a GRU, but as in an LSTM all matrices see the memory through a gate; the
    price is a second vector to carry.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h`` and of ``c``.

    Example:
        >>> cell = ResetLastGRUCell(3, hidden_width=4)
        >>> cell.jacobian(torch.zeros(2, 3), torch.zeros(2, 8)).shape
        torch.Size([2, 8, 8])

    Source: kexue.fm/archives/7888. Its siblings are in ``gru``.
    """

    def __init__(self, input_width: int, *, hidden_width: int) -> None:
        super().__init__()
        self.hidden_width, self.state_width = hidden_width, 2 * hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=3)  # z, r, n

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b`` of z, r and the candidate."""
        return self.gates.project(x)

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step from ``W x + b``."""
        hidden, memory = state.chunk(2, dim=-1)
        z, r, n = self._open(projected, hidden)
        memory = memory + z * (n - memory)
        return torch.cat([r * memory, memory], dim=-1)

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state state"]:
        """Returns the four blocks ``[[dh/dh, dh/dc], [dc/dh, dc/dc]]``; the last is ``diag(1 - z)``."""
        hidden, memory = state.chunk(2, dim=-1)
        z, r, n = self._open(self.project(x), hidden)
        _, u_r, _ = self.gates.blocks()
        memory_by_hidden = self._memory_by_hidden(memory, z, n)
        new = memory + z * (n - memory)
        hidden_by_hidden = r.unsqueeze(-1) * memory_by_hidden + (new * r * (1 - r)).unsqueeze(-1) * u_r
        top = torch.cat([hidden_by_hidden, torch.diag_embed(r * (1 - z))], dim=-1)
        return torch.cat([top, torch.cat([memory_by_hidden, torch.diag_embed(1 - z)], dim=-1)], dim=-2)

    def memory_jacobian(
        self,
        x: Float[Tensor, "*batch input"],
        memory: Float[Tensor, "*batch hidden"],
        *,
        gate: Float[Tensor, "*batch hidden"],
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """The derivative along the memory, through ``h_{t-1} = r_{t-1} c_{t-1}`` as well.

        ``d c_t / d c_{t-1} = diag(1 - z_t) + ((n - c_{t-1}) z' U_z + z n' U_n) r_{t-1}``: one gate more on every term
        with a matrix than the same term of a GRU has.

        Args:
            x: Input, shape [..., input].
            memory: ``c_{t-1}``, shape [..., hidden].
            gate: ``r_{t-1}``, shape [..., hidden].

        Returns:
            ``d c_t / d c_{t-1}``, shape [..., hidden, hidden].
        """
        z, _, n = self._open(self.project(x), gate * memory)
        return torch.diag_embed(1 - z) + self._memory_by_hidden(memory, z, n) * gate.unsqueeze(-2)

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns ``1 - z_t``."""
        return 1 - self._open(self.project(x), state[..., : self.hidden_width])[0]

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)

    @torch.no_grad()
    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the update gate's bias to ``-bias``: it keeps ``1 - z``."""
        self.gates.bias[: self.hidden_width] = -bias

    def _open(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, r, n = (projected + self.gates.recur(hidden)).chunk(3, dim=-1)
        return z.sigmoid(), r.sigmoid(), n.tanh()

    def _memory_by_hidden(self, memory: Tensor, z: Tensor, n: Tensor) -> Tensor:
        u_z, _, u_n = self.gates.blocks()
        return ((n - memory) * z * (1 - z)).unsqueeze(-1) * u_z + (z * (1 - n * n)).unsqueeze(-1) * u_n
