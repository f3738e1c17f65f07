"""Whether each regularizer acts: the gradient it gives on a small network, beside the plain one."""

from collections.abc import Callable, Iterator

from ...errors import require_extra

__all__ = ["examine_regularizers"]

_SEED = 0


def examine_regularizers() -> Iterator[str]:
    """Measures every regularizer on a toy: an embedding, dropout and two layers, 16 rows of 5 random tokens.

    A regularizer that does nothing shows a cosine of 1.000000 and a ratio of 1.0, one that only doubles the gradient
    1.000000 and 2.0.

    Yields:
        Lines to print.
    """
    require_extra("torch", extra="torch")
    from torch import Tensor, cat, cosine_similarity, equal, float64, manual_seed, nn, randint, tanh
    from torch.nn.functional import cross_entropy
    from torch.random import fork_rng

    from ... import regularize as r

    lines = ["正则化之后的梯度与原梯度：余弦、长度之比；强度为 0 时是否逐位相同"]
    with fork_rng(devices=[]):
        manual_seed(_SEED)
        ids, labels = randint(30, (16, 5)), randint(3, (16,))
        table = nn.Embedding(30, 8, dtype=float64)
        up, out = nn.Linear(8, 12, dtype=float64), nn.Linear(12, 3, dtype=float64)
        dropout = nn.Dropout(0.1)
        parameters = [*table.parameters(), *up.parameters(), *out.parameters()]

        def one_pass() -> tuple[Tensor, Tensor]:
            logits = out(dropout(tanh(up(dropout(table(ids)).mean(1)))))
            return cross_entropy(logits, labels), logits

        batch = r.Batch(one_pass, [table.weight], parameters)

        def gradient(run: Callable[[], object]) -> Tensor:
            for parameter in parameters:
                parameter.grad = None
            manual_seed(_SEED + 1)
            run()
            return cat([p.grad.flatten() for p in parameters if p.grad is not None])

        plain = gradient(lambda: one_pass()[0].backward())  # type: ignore[no-untyped-call]
        for member in r.MEMBERS.values():
            bent = gradient(lambda m=member: m.run(batch))  # type: ignore[misc]
            same = equal(gradient(lambda m=member: m.run(batch, strength=0.0)), plain)  # type: ignore[misc]
            cosine, ratio = cosine_similarity(bent, plain, dim=0).item(), (bent.norm() / plain.norm()).item()
            lines.append(
                f"  {member.title}（{member.strength_name}={member.strength:g}）：余弦 {cosine:.6f}，比 {ratio:.6f}，"
                f"{'起作用' if abs(cosine - 1) > 1e-9 else '没有作用'}；强度 0 {'逐位相同' if same else '不同，有错'}"
            )
        before = table.weight.detach().clone()
        average = r.WeightAverage(table, decay=0.9)
        table.weight.data += 1
        average.update(1)
        share = ((average.values["weight"] - before) / (table.weight - before)).mean().item()
        lines.append(f"  权重滑动平均 EMA：第 1 步走了到新权重的 {share:.6f}（应为 9/11 = {9 / 11:.6f}）")
    yield from lines
