"""Requests and answers of ``/v1/tasks``, ``/v1/score`` and ``/v1/decide``."""

from pydantic import BaseModel, ConfigDict, Field

from .request_model import RequestModel, Text

__all__ = [
    "BudgetReply",
    "DecideReply",
    "PairDecisions",
    "PairScores",
    "PairsRequest",
    "ScoreReply",
    "TaskDecision",
    "TaskReply",
    "TasksReply",
    "TextPair",
    "WindowsReply",
]


_MODEL = "模型名 / the model that answered"


class TextPair(RequestModel):
    """Two texts to be matched."""

    text0: Text = Field(description="文本一 / the first text")
    text1: Text = Field(description="文本二 / the second text")


class PairsRequest(RequestModel):
    """Pairs, and the standards to judge them by."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"pairs": [{"text0": "巴萨获胜", "text1": "巴塞罗那赢球"}], "tasks": ["ssA", "ssB"]}]
        }
    )

    pairs: list[TextPair] = Field(min_length=1, description="文本对 / the pairs")
    tasks: list[str] | None = Field(
        default=None, min_length=1, description="任务名，省略则为全部 / names of tasks; all if left out"
    )


class PairScores(BaseModel):
    """Calibrated probabilities of one pair."""

    scores: dict[str, float] = Field(
        description="各任务校准后的匹配概率 / calibrated probability of a match, by task",
        examples=[{"ssA": 0.93, "ssB": 0.71}],
    )


class ScoreReply(BaseModel):
    """Probabilities of all pairs, in the order of the request."""

    model: str = Field(description=_MODEL)
    results: list[PairScores]


class TaskDecision(BaseModel):
    """One pair under one task."""

    probability: float = Field(description="校准后的概率 / calibrated probability", examples=[0.93])
    threshold: float = Field(description="该任务自己的阈值 / the task's own threshold", examples=[0.41])
    match: bool = Field(description="是否匹配 / whether the probability reaches the threshold")
    tokens: tuple[int, int] = Field(
        description="模型看到的两段文本各有多少 token（特殊符号不计，各窗重复的只计一次） / "
        "tokens of each text that the model saw, those that windows repeat once",
        examples=[[12, 20]],
    )
    cut: tuple[int, int] = Field(
        description="两段文本各被截去多少 token / tokens of each text that the budget left out", examples=[[0, 3]]
    )
    unknown: tuple[int, int] | None = Field(
        default=None,
        description="两段文本各有几处词表不认识的字，没有则不写 / "
        "pieces of each text that the vocabulary lacks, where there are any",
        examples=[[1, 0]],
    )
    ask: bool | None = Field(
        default=None,
        description="太没有把握，应请人判断（match 只是倾向）；否则不写 / "
        "true where a person should decide, and match only says how it leans",
    )
    differs: list[str] | None = Field(
        default=None,
        description="两段只差这些细节，而这个标准要求它们一致，因此不匹配；否则不写 / "
        "details in which texts differ that otherwise read alike, where the standard asks that they agree: no match",
        examples=[["数字 35度→25度"]],
    )
    blank: bool | None = Field(
        default=None,
        description="两段都没有可读的内容，因此不匹配；否则不写 / "
        "true where there is nothing to read in either text, which is no match",
    )


class PairDecisions(BaseModel):
    """One pair under every task asked for."""

    tasks: dict[str, TaskDecision]


class DecideReply(BaseModel):
    """Decisions on all pairs, in the order of the request."""

    model: str = Field(description=_MODEL)
    results: list[PairDecisions]


class WindowsReply(BaseModel):
    """How a task scores longer pairs in windows."""

    pool: str = Field(
        description="各窗的 logit 取 max 或 mean / what the logits of the windows become", examples=["max"]
    )
    at_most: int = Field(description="一对最多几窗 / windows of a pair, at most")
    overlap: float = Field(
        description="下一窗至少重复上一窗的这个比例 / share of a window that the next repeats, at least"
    )


class BudgetReply(BaseModel):
    """How much of each text a task sees."""

    left: int = Field(description="文本一的 token 数，含特殊符号 / tokens of the first text, special ones included")
    right: int = Field(description="文本二的 token 数 / tokens of the second text")
    head: float = Field(description="截断时保留开头的比例 / share of a cut text kept from its beginning")
    windows: WindowsReply | None = Field(
        default=None,
        description="更长的文本怎样分窗，没有则截断 / how longer texts are scored in windows; cut if absent",
    )


class TaskReply(BaseModel):
    """One standard of match."""

    name: str
    title: str = Field(description="显示名 / what people are shown")
    standard: str = Field(description="所属标准 / the group of tasks it belongs to")
    implies: str | None = Field(
        description="它所蕴含的更宽松的任务 / a looser task, which matches wherever this one does"
    )
    group: str = Field(description="展示时归在哪个标题下 / the heading it is shown under")
    asks: str = Field(description="一句话说什么是匹配 / in one sentence, what a match is")
    symmetric: bool = Field(description="两段文本能否互换 / whether the texts may change places")
    details: list[str] = Field(
        description="两段只差其中一种细节就不算匹配 / details that must agree, whatever the score",
        examples=[["number", "date"]],
    )
    first: str = Field(description="文件中文本一的列名 / column of the first text in files")
    second: str = Field(description="文件中文本二的列名 / column of the second text in files")
    threshold: float = Field(description="阈值 / probability from which on a pair is a match")
    ask_above: float | None = Field(
        default=None, description="从这个概率起请人判断，没有则不写 / a person is asked from this probability on"
    )
    ask_below: float | None = Field(
        default=None, description="到这个概率为止（不含） / and below this one; absent where nobody is asked"
    )
    budget: BudgetReply


class TasksReply(BaseModel):
    """What the model knows."""

    model: str = Field(description=_MODEL)
    tasks: list[TaskReply]
