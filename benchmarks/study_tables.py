"""Tables of the pages on studies, out of the JSON that stands beside each page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["STUDY_TABLES"]

PAGES = Path(__file__).parent.parent / "docs" / "methods"
# Names of the JSON, in Chinese and in English.
NAMES = {
    "SimSiam": ("SimSiam", "SimSiam"),
    "no stop-gradient": ("去掉 stop-gradient", "no stop-gradient"),
    "no predictor": ("去掉预测头", "no predictor"),
    "predictor x 0.1": ("预测头学习率 × 0.1", "predictor's rate × 0.1"),
    "predictor x 10": ("预测头学习率 × 10", "predictor's rate × 10"),
    "LayerNorm in heads": ("两个头用 LayerNorm", "LayerNorm in both heads"),
    "BYOL, decay 0.99": ("BYOL，衰减 0.99", "BYOL, decay 0.99"),
    "squared, as asked": ("平方，如文章所问", "square, as asked"),
    "squared, stop": ("平方，平均一边停梯度", "square, gradient stopped at the mean"),
    "cosine + norm": ("余弦 + BatchNorm", "cosine + BatchNorm"),
    "cosine + norm, stop": ("余弦 + BatchNorm，停梯度", "cosine + BatchNorm, stopped"),
    "cosine + norm, stop, predictor": ("余弦 + BatchNorm，停梯度，预测头", "cosine + BatchNorm, stopped, predictor"),
    "GRU reset after (torch)": ("GRU，torch 的", "GRU of torch"),
    "GRU merged gate": ("GRU，一个门", "GRU, one gate"),
    "GRU reset last": ("GRU，重置门在后", "GRU, reset last"),
    "torch default": ("torch 默认", "torch's default"),
    "orthogonal": ("正交", "orthogonal"),
    "orthogonal, keep bias 1": ("正交，保留偏置 1", "orthogonal, keep bias 1"),
    "orthogonal, keep bias 5": ("正交，保留偏置 5", "orthogonal, keep bias 5"),
    "orthogonal, chrono": ("正交加 chrono", "orthogonal, chrono"),
    "identity": ("单位阵", "identity"),
    "quadratic": ("二次，3 个参数", "quadratic, 3 parameters"),
    "(ab - y)^2 / 2": ("`(ab − y)²/2`，非凸", "`(ab − y)²/2`, not convex"),
    "tanh network": ("tanh 网络（手写数字，310 个参数）", "tanh network (digits, 310 parameters)"),
    "selective state space": ("选择性状态空间", "selective state space"),
    "linear attention": ("线性注意力", "linear attention"),
    "gated linear attention": ("带门的线性注意力", "gated linear attention"),
    "tanh layers, torch default": ("tanh 层，torch 默认", "tanh layers, torch's default"),
    "tanh layers, orthogonal": ("tanh 层，正交", "tanh layers, orthogonal"),
    "transformer, norm after": ("Transformer，LayerNorm 在后", "transformer, norm after"),
    "transformer, norm before": ("Transformer，LayerNorm 在前", "transformer, norm before"),
    "transformer, norm before, scaled start": (
        "Transformer，LayerNorm 在前，残差的权重缩小",
        "transformer, norm before, scaled start",
    ),
    "rank-one": ("秩一", "rank one"),
    "constant": ("常向量", "constant"),
    "vanishing": ("消失", "vanishing"),
    "steady": ("平稳", "steady"),
    "exploding": ("爆炸", "exploding"),
}


def siamese_table(part: str, *, language: int) -> str:
    """Lays the runs of one part of the study simsiam beside each other, means over the seeds.

    Args:
        part: ``images``, ``sentences`` or ``mean``.
        language: 0 for Chinese, 1 for English.

    Returns:
        The table.
    """
    numbers = _read("simsiam")
    rows = numbers[part].values()
    steps = list(next(iter(rows))["runs"][0]["quality"])
    heads = [
        "",
        *(
            ("第几步报警", "坍缩成", "投影 std / 有效秩", "向量 std / 有效秩"),
            ("alarm at step", "collapsed to", "projections std / rank", "vectors std / rank"),
        )[language],
        *(_after(step, language=language) for step in steps),
    ]
    lines = [heads, ["---"] * len(heads)]
    if steps:
        bare = f"{numbers['bare_quality']:.3f}"
        lines.append([("原始像素", "bare pixels")[language], *[""] * 4, bare, *[""] * (len(steps) - 1)])
    for row in rows:
        runs = row["runs"]
        alarms = [run["alarm_at"] for run in runs]
        how = sorted({verdict for run in runs for verdict in run["alarm_verdicts"].values()})
        lines.append(
            [
                NAMES[row["title"]][language],
                ("、", ", ")[language].join("—" if at is None else str(at) for at in alarms) if any(alarms) else "—",
                ("、", ", ")[language].join(NAMES[each][language] for each in how) or "—",
                *(_std_and_rank(runs, of) for of in ("projections", "vectors")),
                *(_mean([run["quality"][step] for run in runs]) for step in steps),
            ]
        )
    return _laid_out(lines)


def distance_table(*, language: int) -> str:
    """Lays the rates a step of every cell and start beside each other, means over the seeds."""
    rows = _read("recurrent_gradient")["distances"]["rows"]
    starts = list(dict.fromkeys(row["start"] for row in rows))
    lines = [[("单元", "cell")[language], *(_name(start, language) for start in starts)], ["---"] * (len(starts) + 1)]
    for cell in dict.fromkeys(row["cell"] for row in rows):
        found = {row["start"]: row for row in rows if row["cell"] == cell}
        cells = []
        for start in starts:
            if start not in found:
                cells.append("—")
                continue
            verdicts = found[start]["verdict"]
            exploded = verdicts.count("exploding")
            note = ("（{} 个里 {} 个爆炸）", " ({1} of {0} explode)")[language].format(len(verdicts), exploded)
            cells.append(_digits(float(np.mean(found[start]["rate"]))) + (note if exploded else ""))
        lines.append([_name(cell, language), *cells])
    return _laid_out(lines)


def steadiness_table(*, language: int) -> str:
    """Lays the rates a step beside each other by the size of the recurrent matrices."""
    found = _read("recurrent_gradient")["steadiness"]
    at = [i for i, gain in enumerate(found["gain"]) if gain in (1, 2, 3, 4, 6, 8, 12)]
    gains = [f"{found['gain'][i]:g}" for i in at]
    lines = [[("每步倍率", "rate a step")[language], f"g = {gains[0]}", *gains[1:]], ["---"] * (len(at) + 1)]
    for cell, rates in found["rate"].items():
        lines.append([_name(cell, language), *(_mean(rates[i]) for i in at)])
    return _laid_out(lines)


def adding_table(*, language: int) -> str:
    """Lays beside each other what is left of the gradient at step 0 and what was learned, for both lengths."""
    rows = _read("recurrent_gradient")["adding"]
    lengths = sorted({row["n_steps"] for row in rows})
    heads = [("单元，初始化", "cell, start")[language]]
    for length in lengths:
        heads += (
            [f"{length} 步：第 0 步剩 log₁₀", "学会", "更新次数"],
            [f"{length} steps: log₁₀ left at step 0", "learned", "updates"],
        )[language]
    lines = [heads, ["---"] * len(heads)]
    ways = dict.fromkeys((row["cell"], row["start"], row["clips"]) for row in rows)
    for cell, start, clips in ways:
        parts = [
            _name(cell, language),
            _name(start, language),
            *([] if clips else [("不裁剪", "not clipped")[language]]),
        ]
        line = [("，", ", ")[language].join(parts)]
        for length in lengths:
            some = [
                row
                for row in rows
                if (row["cell"], row["start"], row["clips"], row["n_steps"]) == (cell, start, clips, length)
            ]
            learned = [row["learned_at"] for row in some if row["learned_at"] is not None]
            left = np.mean([row["before"]["log10_change"] for row in some])
            verdicts = [NAMES[verdict][language] for verdict in sorted({row["before"]["verdict"] for row in some})]
            line += [
                f"{left:.1f} {('、', ', ')[language].join(verdicts)}".replace("-", "−"),
                f"{len(learned)}/{len(some)}",
                f"{np.median(learned):.0f}" if learned else "—",
            ]
        lines.append(line)
    return _laid_out(lines)


def exactness_table(*, language: int) -> str:
    """Lays the probe of the sharpness beside the eigenvalues of the whole matrix."""
    heads = (
        ["训练到时间", "参数", "探针", "整个矩阵", "相对误差", "Hessian 乘向量的次数"],
        ["trained to time", "parameters", "probe", "whole matrix", "relative error", "products of the Hessian"],
    )[language]
    lines = [heads, ["---"] * len(heads)]
    for row in _read("edge_of_stability")["exact"]:
        lines.append(
            [
                f"{row['time']:g}",
                f"{row['n_parameters']:,}",
                f"{row['probe']:.4f}",
                f"{row['dense']:.4f}",
                f"{row['relative_error']:.0e}",
                str(row["n_products"]),
            ]
        )
    return _laid_out(lines)


def edge_table(*, language: int) -> str:
    """Lays beside each other where the sharpness of each rate ends."""
    heads = (
        ["学习率", "动量", "边界", "开始时 λ", "末了 λ / 边界", "到达的时间", "到达前升高的步", "到达后"],
        ["rate", "momentum", "edge", "λ at the start", "λ / edge at the end", "reached at", "rises before", "after"],
    )[language]
    rows = _read("edge_of_stability")["runs"]
    lines = [heads, ["---"] * len(heads)]
    for rate, momentum in dict.fromkeys((row["rate"], row["momentum"]) for row in rows):
        some = [row for row in rows if (row["rate"], row["momentum"]) == (rate, momentum)]
        ends = [row["at_the_end"] for row in some]
        reached = [row["reached_at"] for row in some if row["reached_at"] is not None]
        lines.append(
            [
                f"{rate:g}",
                f"{momentum:g}",
                f"{some[0]['edge']:.1f}",
                f"{np.mean([row['sharpnesses'][0] for row in some]):.1f}",
                f"{np.mean(ends):.3f} ± {np.std(ends):.3f}",
                f"{np.mean(reached):.0f}" if len(reached) == len(some) else "—",
                _share([row["rises"][0] for row in some]),
                _share([row["rises"][1] for row in some]) if len(reached) == len(some) else "—",
            ]
        )
    return _laid_out(lines)


def probe_table(*, language: int) -> str:
    """Lays out how far a few directions are from all, and what a wide state takes."""
    found = _read("gradient_flow")
    lines = [[("循环", "recurrence")[language], *(("平均误差", "最大误差"), ("mean error", "largest"))[language]]]
    lines.append(["---"] * 3)
    for row in found["probes"]:
        errors = f"{np.mean(row['mean_error']):.2%}", f"{max(row['largest_error']):.1%}"
        lines.append([_name(row["kind"], language), *errors])
    large = found["large"]
    size = ("LSTM，宽 {}，{:,} 步", "LSTM of width {}, {:,} steps")[language].format(large["width"], large["n_steps"])
    lines.append([size, ("秒", "seconds")[language], f"{large['seconds']:.0f}"])
    return _laid_out(lines)


def flow_table(part: str, *, language: int) -> str:
    """Lays out rate, half-life and what is left of every recurrence or stack, means over the seeds."""
    rows = _read("gradient_flow")[part]
    farthest = rows[0]["distance"][0][-1]
    step = (("每步倍率", "每层倍率"), ("rate a step", "rate a layer"))[language][part == "layers"]
    heads = [
        ("循环", "recurrence")[language] if part == "steps" else ("层", "layers")[language],
        step,
        ("半衰期", "half-life")[language],
        ("{:,} 之后剩 log₁₀", "log₁₀ left after {:,}")[language].format(farthest),
        ("判断", "verdict")[language],
    ]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        lines.append(
            [
                _name(row["kind"], language),
                f"{np.mean(row['rate']):.4f} ± {np.std(row['rate']):.4f}",
                f"{np.median(row['half_life']):,.1f}",
                f"{np.mean([norms[-1] for norms in row['log10_norm']]):.1f}".replace("-", "−"),
                ("、", ", ")[language].join(_name(verdict, language) for verdict in dict.fromkeys(row["verdict"])),
            ]
        )
    return _laid_out(lines)


def slope_table(*, language: int) -> str:
    """Lays out the powers of the rate with which the mean epoch leaves three flows."""
    flows = {"L": 2, "L + (g/4) |grad L|^2": 2, "L + (g/4) mean |grad L_i|^2": 3}
    # Two bars for one: a single one would end the cell.
    shown = (name.replace("grad ", "∇").replace("|", "‖").replace("^2", "²").replace("_i", "ᵢ") for name in flows)
    heads = [f"`{name}` ({power})" for name, power in zip(shown, flows.values(), strict=True)]
    lines = [[("损失", "loss")[language], ("方差 / 平方", "variance / square")[language], *heads]]
    lines.append(["---"] * len(lines[0]))
    for row in _read("minibatch_noise")["losses"]:
        slopes = [f"{row['slopes'][name]:.4f}" for name in flows]
        lines.append([_name(row["title"], language), f"{row['variance']:.2f}", *slopes])
    return _laid_out(lines)


def strength_table(task: str, *, language: int) -> str:
    """Lays the ways of one task of the study penalty-strength beside each other: paired gains of accuracy."""
    ways = {
        "plain": ("全批梯度下降", "all examples, plain"),
        "penalty": ("惩罚，γ/4 的倍数", "penalty, times γ/4"),
        "sam": ("SAM，ρ", "SAM, ρ"),
        "rate": ("学习率的倍数", "rate, times"),
        "batch": ("小批量，每批", "batches of"),
    }
    heads = (
        ["", "准确率 %", "增益，点 [95 %]", "挑最好一刻的增益", "训练损失", "尖锐度"],
        ["", "accuracy %", "gain, points [95 %]", "gain of the best look", "training loss", "sharpness"],
    )[language]
    lines = [heads, ["---"] * len(heads)]
    for row in _read("penalty_strength")["tasks"][task]["rows"]:
        name = ways[row["way"]][language] + ("" if row["way"] == "plain" else f" {row['strength']:g}")
        if row["accuracy"] is None:
            lines.append([name, *["—"] * 5])
            continue
        gains = [
            "" if row["way"] == "plain" else f"{100 * g['mean']:+.2f} [{100 * g['low']:+.2f}, {100 * g['high']:+.2f}]"
            for g in (row["accuracy_gain"], row["best_accuracy_gain"])
        ]
        accuracy = f"{100 * row['accuracy']['mean']:.2f} ± {100 * row['accuracy']['std']:.2f}"
        ends = [f"{row['train_loss']['mean']:.4f}", f"{row['sharpness']['mean']:.2f}"]
        lost = (f"（{row['diverged']} 个发散）", f" ({row['diverged']} diverged)")[language] if row["diverged"] else ""
        lines.append([name + lost, accuracy, *gains, *ends])
    return _laid_out(lines)


def decay_table(*, language: int) -> str:
    """Lays out the weight decay at which half of the directions are gone, by the predictor's speed."""
    boundary = _read("simsiam_boundary")["boundary"]
    heads = (
        ["预测头的倍率", "两个数算出", "网络量得", "相差"],
        ["predictor's speed", "two numbers", "networks", "apart"],
    )[language]
    lines = [heads, ["---"] * len(heads)]
    direct = boundary["direct"]
    rows = [
        *zip(
            map("{:g}".format, boundary["speeds"]),
            boundary["predicted"],
            np.transpose(boundary["measured"]),
            strict=True,
        ),
        ("DirectPred", direct["predicted"], np.array(direct["measured"])),
    ]
    for name, predicted, measured in rows:
        apart = f"{measured.mean() / predicted - 1:+.1%}".replace("-", "−")
        lines.append([name, f"{predicted:.4f}", f"{measured.mean():.4f} ± {measured.std(ddof=1):.4f}", apart])
    return _laid_out(lines)


def directions_table(*, language: int) -> str:
    """Lays out how many directions of texts are left at some weight decays, predicted and measured."""
    text = _read("simsiam_boundary")["text"]
    heads = (["权重衰减", "逐个方向算出", "网络量得"], ["weight decay", "direction by direction", "networks"])[language]
    lines, measured = [heads, ["---"] * len(heads)], np.array(text["measured"])
    for i in np.linspace(0, len(text["decays"]) - 1, 12).round().astype(int):
        low, high = measured[:, i].min(), measured[:, i].max()
        said = f"{low}" if low == high else f"{low}–{high}"
        lines.append([f"{text['decays'][i]:.4f}", str(text["predicted"][i]), said])
    return _laid_out(lines)


STUDY_TABLES = (
    ("simsiam_boundary", "decay", decay_table),
    ("simsiam_boundary", "directions", directions_table),
    ("penalty_strength", "digits", lambda *, language: strength_table("digits", language=language)),
    ("penalty_strength", "snippets", lambda *, language: strength_table("corpus snippets", language=language)),
    ("minibatch_noise", "slopes", slope_table),
    ("gradient_flow", "probes", probe_table),
    ("gradient_flow", "steps", lambda *, language: flow_table("steps", language=language)),
    ("gradient_flow", "layers", lambda *, language: flow_table("layers", language=language)),
    ("edge_of_stability", "exactness", exactness_table),
    ("edge_of_stability", "runs", edge_table),
    ("simsiam", "images", lambda *, language: siamese_table("images", language=language)),
    ("simsiam", "sentences", lambda *, language: siamese_table("sentences", language=language)),
    ("simsiam", "mean", lambda *, language: siamese_table("mean", language=language)),
    ("recurrent_gradient", "distances", distance_table),
    ("recurrent_gradient", "steadiness", steadiness_table),
    ("recurrent_gradient", "adding", adding_table),
)
"""Page, mark and maker of every table."""


def _read(study: str) -> Any:
    return json.loads((PAGES / f"{study}.json").read_text(encoding="utf-8"))["numbers"]


def _name(name: str, language: int) -> str:
    return NAMES[name][language] if name in NAMES else name


def _after(step: str, *, language: int) -> str:
    if step == "0":
        return ("近邻，训练前", "neighbors, untrained")[language]
    return (f"{int(step):,} 步后", f"after {int(step):,} steps")[language]


def _std_and_rank(runs: Sequence[Any], part: str) -> str:
    std, rank = (np.mean([run["readings"][part][key][-1] for run in runs]) for key in ("std", "effective_rank"))
    return f"{std:.2f} / {rank:.1f}"


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}"


def _digits(rate: float) -> str:
    """Three digits, and a fourth where the rate is so near one that it decides what is left after a thousand steps."""
    return f"{rate:.4f}" if abs(rate - 1) < 0.01 else f"{rate:.3f}"


def _share(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.0%}" if known else "—"


def _laid_out(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
