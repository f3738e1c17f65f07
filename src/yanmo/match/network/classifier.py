"""The matcher's network: a conditional encoder, a vector and a bias per task, one head or one per task."""

from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ...encode import Encoder, TokenBatch
from ...layers import AlignmentHead, ClassificationHead, InteractionHead, MeanHead, PooledHead

__all__ = ["Head", "PairClassifier"]

Head: TypeAlias = PooledHead | ClassificationHead | MeanHead | InteractionHead | AlignmentHead


class PairClassifier(nn.Module):
    """An encoder with a head: one logit for every pair, under the task it is given with.

    Args:
        encoder: Token ids and a condition to token vectors.
        head: Token vectors and a condition to one logit; a list of them has one for each task, without condition.
        n_tasks: Number of tasks.
        condition_width: Size of a task's vector; None where neither encoder nor head is conditional.
        side_width: Size of a token's vector, where tasks that are not symmetric have a vector that the head adds to
            their second side; None where none has. ``is_sided`` says which tasks those are, none at first.

    The task vectors start in U(-0.05, 0.05), the start of the article's framework: drawn from N(0, 1) they swing the
    norms so far in the first steps that training never leaves the prior's loss. The task biases start at zero.

    Source: kexue.fm/archives/8337.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Head | list[Head],
        *,
        n_tasks: int,
        condition_width: int | None,
        side_width: int | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head: nn.Module = nn.ModuleList(head) if isinstance(head, list) else head
        self.task_bias = nn.Parameter(torch.zeros(n_tasks))
        self.task_vectors = None if condition_width is None else nn.Embedding(n_tasks, condition_width)
        if self.task_vectors is not None:
            nn.init.uniform_(self.task_vectors.weight, -0.05, 0.05)
        self.side_vectors: nn.Parameter | None = None
        if side_width is not None:
            self.side_vectors = nn.Parameter(torch.zeros(n_tasks, side_width))
            self.is_sided: Tensor
            self.register_buffer("is_sided", torch.zeros(n_tasks))

    def forward(
        self,
        batch: TokenBatch,
        tasks: Int[Tensor, " batch"],
        *,
        states: Float[Tensor, "batch seq hidden"] | None = None,
        first_layer: int = 0,
    ) -> Float[Tensor, " batch"]:
        """Scores a batch that may mix tasks.

        Args:
            batch: The pairs.
            tasks: Task index of every row, shape [batch].
            states: Input of block ``first_layer`` where it is known already, [batch, seq, hidden].
            first_layer: The block that ``states`` are the input of.

        Returns:
            Logits of "match", shape [batch].
        """
        condition = None if self.task_vectors is None else self.task_vectors(tasks)
        if states is None:
            states, first_layer = self.encoder.embed(batch, condition), 0
        n_layers = len(self.encoder.blocks)
        if self.reads_first_token and first_layer < n_layers:
            # What the last layer makes of the other tokens, most of its work, would be thrown away.
            first = torch.zeros(1, dtype=torch.long, device=tasks.device)
            x = self.encoder.run(states, batch, condition, first=first_layer, last=n_layers, keep=first)
            return self.score_states(x, tasks, side=batch.side[:, :1], mask=batch.mask[:, :1])
        x = self.encoder.run(states, batch, condition, first=first_layer, last=n_layers)
        return self.score_states(x, tasks, side=batch.side, mask=batch.mask)

    @property
    def reads_first_token(self) -> bool:
        """Whether the head reads the first token's vector and no other."""
        heads = self.head if isinstance(self.head, nn.ModuleList) else [self.head]
        return all(isinstance(head, PooledHead | ClassificationHead) for head in heads)

    def score_states(
        self,
        x: Float[Tensor, "batch seq hidden"],
        tasks: Int[Tensor, " batch"],
        *,
        side: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
    ) -> Float[Tensor, " batch"]:
        """Scores pairs from the output of the last block.

        Args:
            x: Output of the last block, [batch, seq, hidden].
            tasks: Task index of every row, shape [batch].
            side: 0 for tokens of the first text, 1 for those of the second, [batch, seq].
            mask: True where there is a token, [batch, seq].

        Returns:
            Logits of "match", shape [batch].
        """
        given = {} if self.side_vectors is None else {"shift": (self.is_sided[:, None] * self.side_vectors)[tasks]}
        if isinstance(self.head, nn.ModuleList):
            logits = torch.stack([head(x, None, side=side, mask=mask, **given) for head in self.head], -1)
            logit = logits.gather(-1, tasks[:, None]).squeeze(-1)
        else:
            condition = None if self.task_vectors is None else self.task_vectors(tasks)
            logit = self.head(x, condition, side=side, mask=mask, **given)
        return logit + self.task_bias[tasks]
