"""The GRU cell in its two usual forms: reset before the matrix (the article's), and after it (torch's)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .gates import Gates, read_torch_gates

__all__ = ["GRUCell", "ResetAfterGRUCell"]


class GRUCell(nn.Module):
    """Gated recurrent unit, reset gate in front of the matrix.

    ``z, r = sigmoid(W x + U h + b)``, ``n = tanh(W_n x + U_n (r h_{t-1}) + b_n)``, ``h_t = (1 - z) h_{t-1} + z n``.
    Here ``z`` is how much is new, as in the article; torch's ``z`` is ``1 - z``.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h``.

    Example:
        >>> cell = GRUCell(3, hidden_width=4)
        >>> cell.jacobian(torch.zeros(2, 3), torch.zeros(2, 4)).shape
        torch.Size([2, 4, 4])

    Source: kexue.fm/archives/7888, arXiv:1406.1078. Its siblings are ``ResetAfterGRUCell`` (what torch computes),
    ``MergedGateGRUCell`` and ``ResetLastGRUCell``.
    """

    def __init__(self, input_width: int, *, hidden_width: int) -> None:
        super().__init__()
        self.hidden_width = self.state_width = hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=2)  # z, r
        self.candidate = Gates(input_width, hidden_width=hidden_width, n_gates=1)

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b`` of z, r and the candidate."""
        return torch.cat([self.gates.project(x), self.candidate.project(x)], dim=-1)

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step from ``W x + b``."""
        z, _, n = self._open(projected, state)
        return state + z * (n - state)

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """Returns ``diag(1 - z) + diag((n - h) z') U_z + diag(z n') U_n (diag(r) + diag(h r') U_r)``."""
        z, r, n = self._open(self.project(x), state)
        u_z, u_r = self.gates.blocks()
        reset = torch.diag_embed(r) + (state * r * (1 - r)).unsqueeze(-1) * u_r
        return (
            torch.diag_embed(1 - z)
            + ((n - state) * z * (1 - z)).unsqueeze(-1) * u_z
            + (z * (1 - n * n)).unsqueeze(-1) * (self.candidate.recurrent_map @ reset)
        )

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns ``1 - z_t``."""
        return 1 - self._open(self.project(x), state)[0]

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)
        self.candidate.orthogonalize(gain=gain)

    @torch.no_grad()
    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the update gate's bias to ``-bias``: it keeps ``1 - z``."""
        self.gates.bias[: self.hidden_width] = -bias

    def _open(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, candidate = torch.split(projected, [2 * self.hidden_width, self.hidden_width], dim=-1)
        z, r = (gates + self.gates.recur(hidden)).sigmoid().chunk(2, dim=-1)
        return z, r, (candidate + self.candidate.recur(r * hidden)).tanh()


class ResetAfterGRUCell(nn.Module):
    """Gated recurrent unit, reset gate behind the matrix: what ``torch.nn.GRU`` and cuDNN compute.

    As ``GRUCell`` but ``n = tanh(W_n x + b_n + r (U_n h_{t-1} + b'))``. ``z`` is how much is new, so torch's rows of
    that gate enter with the other sign.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h``.

    Example:
        >>> cell = ResetAfterGRUCell.from_torch(nn.GRU(3, 4))
        >>> cell(torch.zeros(2, 3), torch.zeros(2, 4)).shape
        torch.Size([2, 4])

    Source: arXiv:1406.1078v1 and the documentation of ``torch.nn.GRU``.
    """

    def __init__(self, input_width: int, *, hidden_width: int) -> None:
        super().__init__()
        self.hidden_width = self.state_width = hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=2)  # z, r
        self.candidate = Gates(input_width, hidden_width=hidden_width, n_gates=1)
        self.reset_bias = nn.Parameter(torch.zeros(hidden_width))

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b`` of z, r and the candidate."""
        return torch.cat([self.gates.project(x), self.candidate.project(x)], dim=-1)

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step from ``W x + b``."""
        z, _, n, _ = self._open(projected, state)
        return state + z * (n - state)

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """Returns ``diag(1 - z) + diag((n - h) z') U_z + diag(z n') (diag(r) U_n + diag((U_n h + b') r') U_r)``."""
        z, r, n, recurred = self._open(self.project(x), state)
        u_z, u_r = self.gates.blocks()
        inner = r.unsqueeze(-1) * self.candidate.recurrent_map + (recurred * r * (1 - r)).unsqueeze(-1) * u_r
        return (
            torch.diag_embed(1 - z)
            + ((n - state) * z * (1 - z)).unsqueeze(-1) * u_z
            + (z * (1 - n * n)).unsqueeze(-1) * inner
        )

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns ``1 - z_t``."""
        return 1 - self._open(self.project(x), state)[0]

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)
        self.candidate.orthogonalize(gain=gain)

    @torch.no_grad()
    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the update gate's bias to ``-bias``: it keeps ``1 - z``."""
        self.gates.bias[: self.hidden_width] = -bias

    @classmethod
    @torch.no_grad()
    def from_torch(cls, module: nn.Module) -> "ResetAfterGRUCell":
        """Makes the cell that computes what a one-layer ``torch.nn.GRU`` does."""
        w, u, b_input, b_recurrent = read_torch_gates(module, kind=nn.GRU)
        cell = cls(w.shape[1], hidden_width=u.shape[1]).to(w)
        # torch stacks r, z, n, and its z is the part that is kept.
        rows_r, rows_z, rows_n = torch.arange(len(w), device=w.device).chunk(3)
        bias = b_input + b_recurrent
        cell.gates.load(
            (
                torch.cat([-w[rows_z], w[rows_r]]),
                torch.cat([-u[rows_z], u[rows_r]]),
                torch.cat([-bias[rows_z], bias[rows_r]]),
            )
        )
        cell.candidate.load((w[rows_n], u[rows_n], b_input[rows_n]))
        cell.reset_bias.copy_(b_recurrent[rows_n])
        return cell

    def _open(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        gates, candidate = torch.split(projected, [2 * self.hidden_width, self.hidden_width], dim=-1)
        z, r = (gates + self.gates.recur(hidden)).sigmoid().chunk(2, dim=-1)
        recurred = self.candidate.recur(hidden) + self.reset_bias
        return z, r, (candidate + r * recurred).tanh(), recurred
