"""The LSTM cell with its exact one-step Jacobian, of the whole state and along the memory."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .gates import Gates, read_torch_gates

__all__ = ["LSTMCell"]


class LSTMCell(nn.Module):
    """Long short-term memory; the state is ``(h, c)``.

    ``i, f, o = sigmoid(W x + U h + b)``, ``g = tanh(W_g x + U_g h + b_g)``, ``c_t = f c_{t-1} + i g``,
    ``h_t = o tanh(c_t)``.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h`` and of ``c``.

    Example:
        >>> cell = LSTMCell(3, hidden_width=4)
        >>> cell.jacobian(torch.zeros(2, 3), torch.zeros(2, 8)).shape
        torch.Size([2, 8, 8])

    Source: kexue.fm/archives/7888. Computes what ``torch.nn.LSTM`` does.
    """

    def __init__(self, input_width: int, *, hidden_width: int) -> None:
        super().__init__()
        self.hidden_width, self.state_width = hidden_width, 2 * hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=4)  # i, f, g, o as in torch.nn

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b`` of the four gates."""
        return self.gates.project(x)

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step from ``W x + b``."""
        hidden, memory = state.chunk(2, dim=-1)
        i, f, g, o = self._open(projected, hidden)
        memory = f * memory + i * g
        return torch.cat([o * memory.tanh(), memory], dim=-1)

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state state"]:
        """Returns the four blocks ``[[dh/dh, dh/dc], [dc/dh, dc/dc]]``; the last is ``diag(f)``."""
        hidden, memory = state.chunk(2, dim=-1)
        i, f, g, o = self._open(self.project(x), hidden)
        squashed = (f * memory + i * g).tanh()
        out = o * (1 - squashed**2)  # dh_t / dc_t
        *_, u_o = self.gates.blocks()
        memory_by_hidden = self._memory_by_hidden(memory, i, f, g)
        hidden_by_hidden = out.unsqueeze(-1) * memory_by_hidden + (squashed * o * (1 - o)).unsqueeze(-1) * u_o
        top = torch.cat([hidden_by_hidden, torch.diag_embed(out * f)], dim=-1)
        return torch.cat([top, torch.cat([memory_by_hidden, torch.diag_embed(f)], dim=-1)], dim=-2)

    def memory_jacobian(
        self,
        x: Float[Tensor, "*batch input"],
        memory: Float[Tensor, "*batch hidden"],
        *,
        gate: Float[Tensor, "*batch hidden"],
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """The article's derivative along the memory, through ``h_{t-1} = o_{t-1} tanh(c_{t-1})`` as well.

        ``d c_t / d c_{t-1} = diag(f_t) + (c_{t-1} f' U_f + g i' U_i + i g' U_g) o_{t-1} (1 - tanh(c_{t-1})^2)``: each
        of the three terms after the first carries two gates or more.

        Args:
            x: Input, shape [..., input].
            memory: ``c_{t-1}``, shape [..., hidden].
            gate: ``o_{t-1}``, shape [..., hidden].

        Returns:
            ``d c_t / d c_{t-1}``, shape [..., hidden, hidden].
        """
        squashed = memory.tanh()
        i, f, g, _ = self._open(self.project(x), gate * squashed)
        through_hidden = self._memory_by_hidden(memory, i, f, g) * (gate * (1 - squashed**2)).unsqueeze(-2)
        return torch.diag_embed(f) + through_hidden

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns ``f_t``."""
        return self._open(self.project(x), state[..., : self.hidden_width])[1]

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)

    @torch.no_grad()
    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the forget gate's bias."""
        self.gates.bias[self.hidden_width : 2 * self.hidden_width] = bias

    @classmethod
    def from_torch(cls, module: nn.Module) -> "LSTMCell":
        """Makes the cell that computes what a one-layer ``torch.nn.LSTM`` does."""
        w, u, b_input, b_recurrent = read_torch_gates(module, kind=nn.LSTM)
        cell = cls(w.shape[1], hidden_width=u.shape[1]).to(w)
        cell.gates.load((w, u, b_input + b_recurrent))
        return cell

    def _open(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        i, f, g, o = (projected + self.gates.recur(hidden)).chunk(4, dim=-1)
        return i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()

    def _memory_by_hidden(self, memory: Tensor, i: Tensor, f: Tensor, g: Tensor) -> Tensor:
        u_i, u_f, u_g, _ = self.gates.blocks()
        return (
            (memory * f * (1 - f)).unsqueeze(-1) * u_f
            + (g * i * (1 - i)).unsqueeze(-1) * u_i
            + (i * (1 - g * g)).unsqueeze(-1) * u_g
        )
