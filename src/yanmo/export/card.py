"""The README.md of an exported folder: what it is, how to load it, its thresholds, and what the export changed."""

from dataclasses import dataclass
from pathlib import Path

from ..atomic import replacing
from ..data import WindowPool, Windows
from ..match import MatchingFile
from .drift import drift_markdown
from .loss_budget import Attempt
from .weight_plan import WeightForm

__all__ = ["Card"]

_ALL_TASKS = """\
全部任务在一张图里，由 {engine} 打分，不需要 torch：

```python
from yanmo import Matcher

matcher = Matcher.from_pretrained("本目录")
matcher.score([("文本一", "文本二")], task="{task}")     # 校准后的概率
matcher.decide([("文本一", "文本二")], task="{task}")    # 按下面的阈值判断
```
"""
_ONE_TASK = """\
只有任务 {task}，不需要安装 yanmo。条件已并入各层的 LayerNorm，校准已并入最后一层：
`predict()` 给出的就是校准后的概率，与 `Matcher.score` 相同。

```python
from sentence_transformers import CrossEncoder

model = CrossEncoder("本目录"{backend})
model.predict([("文本一", "文本二")]) >= {threshold:.4f}    # 达到阈值即匹配
```

{other}

预算（左 {left}、右 {right} 个 token）以内的文本与 `Matcher` 的切分逐 token 相同。
更长的文本在这里只保留开头，`Matcher` {longer}，分数因此不同。
"""

_COMPANY = {
    True: "同一对文本单独打分、在任何一批里、用几个线程，同一台机器上的分数逐位相同。"
    "另一个版本的 ONNX Runtime 或另一种处理器，浮点数的最后几位可能不同；权重舍入过的，个别激活因此落到邻近的整数上："
    "自带模型在 1.23 与 1.32 之间，概率平均差 0.005，最多 0.045。",
    False: "同一对文本单独打分与成批打分，分数可能差一点（见过 0.005）：这种存法的和由浮点数相加而成，次序随批而变。",
}

# What a step does to a text, for people whose programs will not do it.
_STEPS = {
    "drop_invisible": "去掉看不见的字符（如 U+200B、U+FEFF）",
    "to_simplified": "繁体字读作简体（OpenCC t2s）",
    "special_tokens_as_text": "文本里写的 `</s>`、`[SEP]` 等只当普通文字",
    "spell_unknown": "词表不认识的字拼成字母，不同的字不再是同一个 token",
    "reject_blank": "两段都没有可读的内容时判不匹配",
}


@dataclass(frozen=True)
class Card:
    """What the README of an export says."""

    source: str
    """What was exported: the name of the matcher's folder."""
    form: str
    """How the weights are stored."""
    matching: MatchingFile
    """The matcher's tasks, thresholds and calibration."""
    task: str | None
    """The one task of the folder; None for all."""
    is_graph: bool
    """Whether the weights are an ONNX graph."""
    measured_on: str
    """The data and split that the drift was measured on."""
    attempt: Attempt | None
    """What was measured; None where nothing was."""
    budget: float
    """Points of F1 that no task may lose more of."""

    def write(self, folder: Path) -> None:
        """Writes ``README.md``, whole or not at all.

        Args:
            folder: An existing folder.
        """
        with replacing(folder / "README.md") as temporary:
            temporary.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """Gives the text of the whole README."""
        tags = ", ".join(["text-matching", "conditional-layernorm", *(["onnx"] if self.is_graph else [])])
        head = f"---\nlanguage: zh\npipeline_tag: text-classification\ntags: [{tags}]\n---\n"
        title = f"# {self.source}" + ("" if self.task is None else f" · {self.task}")
        origin = f"由 `yanmo export` 从 `{self.source}` 导出，权重 {self.form}。"
        return "\n".join([head, title, "", origin, "", self._usage(), self._thresholds(), self._drift()])

    @property
    def _engine(self) -> str:
        for_openvino = self.form == WeightForm.INT8_CHANNELS
        return "OpenVINO（`pip install 'yanmo[openvino]'`）" if for_openvino else "ONNX Runtime"

    def _usage(self) -> str:
        if self.task is None:
            usage = _ALL_TASKS.format(task=self.matching.task_set.names[0], engine=self._engine)
            return f"## 用法\n{usage}\n{_COMPANY[WeightForm(self.form).is_equal_in_company]}\n"
        task, budget = self.matching.task_set.task(self.task), self.matching.task_set.task(self.task).budget
        other = (
            '需要 `pip install "sentence-transformers[onnx]"`；只用 `onnxruntime` 与 `tokenizers` 也可以打分。'
            if self.is_graph
            else "`transformers` 的 `AutoModelForSequenceClassification` 同样可以载入，概率是 logit 的 sigmoid。"
        )
        if task.symmetric:
            other += "任务是对称的：yanmo 总把 token 较少的一段当第一段读，这里请照此给出文本对。"
        if task.implies is not None:
            other += (
                f"这里只有 {task.name} 自己的分数；在 yanmo 里，{task.implies} 说不匹配的对在 {task.name} 下也不匹配。"
            )
        if task.details:
            kinds = "、".join(kind.title for kind in task.details)
            other += f"在 yanmo 里，两段只差一处细节（{kinds}）的对在 {task.name} 下不匹配，这里只有分数。"
        if self.matching.normalization.taken:
            steps = "；".join(_STEPS[name] for name in self.matching.normalization.taken)
            other += f"\n\n**这里没有的步骤。** yanmo 读文本时还做这些，别的程序不做：{steps}。"
            other += "涉及这些的文本，分数与 yanmo 不同。"
        return "## 用法\n" + _ONE_TASK.format(
            task=self.task,
            backend=', backend="onnx"' if self.is_graph else "",
            threshold=self.matching.decision(self.task).threshold,
            other=other,
            left=budget.left,
            right=budget.right,
            longer="还保留结尾" if budget.windows is None else _in_windows(budget.windows),
        )

    def _thresholds(self) -> str:
        names = self.matching.task_set.names if self.task is None else (self.task,)
        rows = ["| 任务 | 说明 | 阈值 | 校准 |", "|---|---|---|---|"]
        for name in names:
            decision, title = self.matching.decision(name), self.matching.task_set.task(name).title
            calibration = decision.calibration
            formula = f"sigmoid({calibration.scale:.4g} × logit + {calibration.bias:.4g})".replace("+ -", "− ")
            rows.append(f"| {name} | {title} | {decision.threshold:.4f} | {formula} |")
        note = "校准一列是训练后的原始 logit 的；" + (
            "`matching.json` 里有同样的数字。" if self.task is None else "本目录的 logit 已经校准过，不要再用它。"
        )
        return "## 阈值\n校准后的概率达到阈值即判为匹配。" + note + "\n\n" + "\n".join(rows) + "\n"

    def _drift(self) -> str:
        head = "## 导出前后\n"
        if self.attempt is None:
            if self.form == "float32":
                return head + "权重仍是 float32，分数与导出前相同（误差在 1e-4 以内）。没有在数据上量过 F1 与校准。\n"
            unknown = "**没有量过**：导出时没有给数据（`--data`），舍入对 F1 与校准的影响未知。"
            return head + unknown + "请用 `yanmo evaluate` 比较之后再使用。\n"
        lines = [
            f"在 {self.measured_on} 上，按模型自带的阈值与校准，导出前后各量一次；这些数字只用来比较前后：",
            "",
            drift_markdown(self.attempt.drifts),
            "",
            self._verdict(self.attempt),
            "「多漏一对值」是再漏判一对匹配时 F1 的损失：与它差不多大的 F1 变化就在运气之内，请一并看改变了多少判断。",
        ]
        if self.attempt.raised:
            names = "、".join(f"`{name}`" for name in self.attempt.raised)
            lines += ["", f"为此有 {len(self.attempt.raised)} 个矩阵存得更细：{names}。"]
        return head + "\n".join(lines) + "\n"

    def _verdict(self, attempt: Attempt) -> str:
        worst = attempt.worst
        if worst.points_lost > self.budget:
            return (
                f"**{worst.task} 的 F1 损失 {worst.points_lost:.2f} 分，超出预算 {self.budget:g} 分**，是用 "
                "`--accept-loss` 照样导出的。"
            )
        return f"没有任务的 F1 损失超过预算 {self.budget:g} 分。"


def _in_windows(windows: Windows) -> str:
    kind = {WindowPool.MAX: "最大值", WindowPool.MEAN: "平均值"}[windows.pool]
    return f"分至多 {windows.at_most} 窗来读、取各窗的{kind}，阈值也按它选定"
