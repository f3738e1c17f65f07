"""The verb ``yanmo generate``."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...errors import require_extra
from ...generate import Method, TooLong
from .interruptible import interruptible

if TYPE_CHECKING:
    from ...generate import Completion, Decoding, FewShot, LabelAnswer, LanguageModel

__all__ = ["generate"]


class WeightType(str, Enum):
    """Type of the weights in memory."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


def generate(
    folder: Annotated[Path, typer.Argument(help="语言模型目录 / folder of a language model")],
    prompt: Annotated[str | None, typer.Option(help="续写这段文本，空串为无条件生成 / a text to continue")] = None,
    few_shot: Annotated[Path | None, typer.Option(help="少样本任务 YAML / a few-shot task")] = None,
    query: Annotated[
        list[str] | None, typer.Option(help="少样本任务的输入，可多次给出 / what the task is asked, repeatable")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="逐行输入，Ctrl-D 结束 / line by line until Ctrl-D")
    ] = False,
    method: Annotated[Method | None, typer.Option(help="如何选下一个词 / how tokens are chosen")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="最多生成多少 token / length of the continuation")] = None,
    temperature: Annotated[float | None, typer.Option(help="采样温度 / for sample")] = None,
    top_k: Annotated[int | None, typer.Option(help="只在最可能的 k 个中采样 / for sample")] = None,
    top_p: Annotated[float | None, typer.Option(help="只在累计概率 p 之内采样 / for sample")] = None,
    seed: Annotated[int | None, typer.Option(help="采样的随机种子 / for sample")] = None,
    n_beams: Annotated[int | None, typer.Option("--beams", help="束宽 / for beam")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="大于 1 则少重复 / above 1 repeats less")] = None,
    no_repeat_ngram_size: Annotated[
        int | None, typer.Option(help="这么多 token 的片段不出现两次 / no such run of tokens comes twice")
    ] = None,
    stop: Annotated[list[str] | None, typer.Option(help="遇到这段文本就停，可多次给出 / repeatable")] = None,
    stop_at_newline: Annotated[
        bool | None, typer.Option("--stop-at-newline", help="遇到换行就停 / stop at the end of the line")
    ] = None,
    too_long: Annotated[
        TooLong | None, typer.Option(help="提示过长时：拒绝、截去最早的部分、略去最早的示例 / at a long prompt")
    ] = None,
    start_token: Annotated[
        str | None, typer.Option(help="BERT 词表：文本之前的标记，缺省 [CLS]，空串为无 / before every text")
    ] = None,
    end_token: Annotated[str | None, typer.Option(help="BERT 词表：文档之末的标记，缺省 [SEP] / ends a text")] = None,
    dtype: Annotated[WeightType, typer.Option(help="权重在内存中的类型 / type of the weights")] = WeightType.FLOAT32,
) -> None:
    """Continue a text, answer a few-shot task, or choose among its labels.

    Example: yanmo generate cpm --few-shot recipes/cpm_capital.yaml --query 埃及
    """
    if (prompt is None) == (few_shot is None and not interactive) or (prompt is not None and interactive):
        raise typer.BadParameter("give one of --prompt, --few-shot and --interactive; the last two go together")
    if query and (few_shot is None or interactive):
        raise typer.BadParameter("--query is for --few-shot, without --interactive")
    flags: dict[str, Any] = {
        "method": method,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "n_beams": n_beams,
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
        "stop": tuple(stop) if stop else None,
        "stop_at_newline": stop_at_newline,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    require_extra("transformers", extra="torch")
    import torch

    from ...generate import Decoding, FewShot, load_language_model

    # Everything that can be wrong is looked at before the weights are read.
    task = None if few_shot is None else FewShot.load(few_shot)
    decoding = (Decoding() if task is None else task.decoding).changed(given)
    if task is not None:
        task = task.model_copy(update={"decoding": decoding, "too_long": too_long or task.too_long})
        if not interactive and not query and task.query is None:
            raise typer.BadParameter(f"{few_shot} has no 'query'; give --query")
    if task is None and too_long is TooLong.KEEP_NEWEST:
        raise typer.BadParameter("--too-long keep_newest is for --few-shot")
    console = Console(stderr=True)
    with interruptible("give the command again"), console.status(f"载入 {folder} …"):
        model = load_language_model(folder, start=start_token, end=end_token, dtype=getattr(torch, dtype.value))
    session = _Session(model, decoding, too_long or TooLong.REFUSE, task, console)
    if interactive:
        session.converse()
        return
    with interruptible("give the command again for the whole text"):
        if task is None:
            session.respond(prompt or "")
        elif task.labels:
            session.choose(query or [task.query or ""])
        else:
            asked = query or [task.query or ""]
            for one in asked:
                session.respond(one, heading=f"{one} → " if len(asked) > 1 else "")


class _Session:
    """One loaded model and how it is asked; texts go to standard output, remarks to standard error."""

    def __init__(
        self, model: "LanguageModel", decoding: "Decoding", too_long: TooLong, task: "FewShot | None", console: Console
    ) -> None:
        self.model = model
        self.decoding = decoding
        self.too_long = too_long
        self.task = task
        self.console = console
        self.out = Console(soft_wrap=True)

    def write(self, text: str) -> None:
        # rich would turn tabs into spaces.
        typer.echo(text, nl=False)

    def respond(self, text: str, *, heading: str = "") -> None:
        """Continues a text, or answers a query of the task."""
        self.write(heading)
        n_dropped = 0
        try:
            if self.decoding.method is Method.BEAM:
                completion, n_dropped = self._at_once(text)
                self.write(completion.text)
            else:
                completion, n_dropped = self._streamed(text, self.write)
        finally:
            self.write("\n")
        self._remark(completion.n_cut, n_dropped)

    def choose(self, queries: list[str]) -> None:
        """Shows the labels' scores for queries of the task."""
        from ...generate import answer_by_label

        if self.task is None:
            return
        for query, scored in zip(queries, answer_by_label(self.model, self.task, queries), strict=True):
            self.out.print(_label_table(query, scored))
            self.out.print(_choice_table(scored))
            self._remark(scored.choices[0].n_cut, scored.n_dropped)

    def converse(self) -> None:
        """Answers line after line; Ctrl-C ends an answer, and without one the session."""
        while True:
            try:
                line = self.console.input("> ", markup=False)
            except (EOFError, KeyboardInterrupt):
                self.console.print()
                return
            try:
                if self.task is not None and self.task.labels:
                    self.choose([line])
                else:
                    self.respond(line)
            except KeyboardInterrupt:
                self.console.print("（中断）", markup=False)

    def _streamed(self, text: str, on_text: Callable[[str], None]) -> "tuple[Completion, int]":
        from ...generate import stream_answer

        if self.task is None:
            return self.model.stream(text, on_text, decoding=self.decoding, too_long=self.too_long), 0
        answer = stream_answer(self.model, self.task, text, on_text)
        return answer.completion, answer.n_dropped

    def _at_once(self, text: str) -> "tuple[Completion, int]":
        from ...generate import answer

        with self.console.status("…"):
            if self.task is None:
                return self.model.generate([text], decoding=self.decoding, too_long=self.too_long)[0], 0
            [found] = answer(self.model, self.task, [text])
        return found.completion, found.n_dropped

    def _remark(self, n_cut: int, n_dropped: int) -> None:
        if n_cut:
            self.console.print(f"提示过长，略去了最前的 {n_cut} 个 token", markup=False, highlight=False)
        if n_dropped:
            self.console.print(f"提示过长，略去了最早的 {n_dropped} 个示例", markup=False, highlight=False)


def _label_table(query: str, scored: "LabelAnswer") -> Table:
    whole = scored.choices[0]
    table = Table("标签", "token", "log p", *(scoring.name for scoring in whole.scorings), title=Text(query))
    columns = [whole.probabilities(scoring) for scoring in whole.scorings]
    for i, label in enumerate(whole.labels):
        shares = (f"{column[i]:.3f}" for column in columns)
        table.add_row(Text(label), str(whole.n_tokens[i]), f"{whole.log_likelihoods[i]:.3f}", *shares)
    return table


def _choice_table(scored: "LabelAnswer") -> Table:
    table = Table("打分方式", *(choice.label_set for choice in scored.choices))
    for scoring in scored.choices[0].scorings:
        table.add_row(scoring.name, *(Text(choice.best(scoring)) for choice in scored.choices))
    return table
