"""What the site adds to its pages while it is built: the log's entries by subject."""

import re
from pathlib import Path
from typing import Any

from pymdownx.slugs import slugify

LOG = Path(__file__).parent / "log.md"
PLACE = "<!-- entries by subject -->"
# A subject in Chinese and English, and what its entries' titles say; an entry stands under the first that fits.
SUBJECTS = (
    ("服务", "Service", r"service|serving|overload|\bpage\b|http|docker|429"),
    (
        "大语言模型与量化",
        "Language models and quantization",
        r"cpm|gpt|decod|quantiz|llama|label scoring|few-shot|2\.6",
    ),
    ("文本向量与坍缩", "Text vectors and collapse", r"simsiam|byol|collaps|vectors? without|text vectors|embedder"),
    ("Taylor", "Taylor", r"taylor"),
    ("循环网络", "Recurrent networks", r"recurren|rnn|lstm|gru\b|jacobian"),
    ("梯度与正则化", "Gradients and regularizers", r"regulari|fgm|vat\b|penalty|implicit|flooding|dropout|gradient"),
    ("分词与词粒度", "Tokenizing and words", r"token|word|jieba|wobert|vocab|unknown|special"),
    (
        "导出与打分速度",
        "Exports and speed of scoring",
        r"export|onnx|openvino|int8|int4|scor|start|import|bulk|predict|graph",
    ),
    ("数据与样例", "Data and samples", r"data|sample|edit|label|reader|file"),
    (
        "训练与质量",
        "Training and quality",
        r"train|learn|matcher|standard|ss\b|ssa|f1|epoch|layer|head|base|frozen|weights|condition",
    ),
    ("测试与可靠性", "Tests and reliability", r"test|reliab|kill|resume|flaky"),
)
OTHER = ("结构与其他", "Structure and the rest")
_slug = slugify(case="lower")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Puts the list into the page that has a place for it."""
    if PLACE not in markdown:
        return markdown
    return markdown.replace(PLACE, _by_subject(english=page.file.src_uri.endswith(".en.md")))


def _by_subject(*, english: bool) -> str:
    titles = re.findall(r"^## (.+)$", LOG.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[tuple[str, str], list[str]] = {(zh, en): [] for zh, en, _ in SUBJECTS} | {OTHER: []}
    seen: dict[str, int] = {}
    for title in titles:
        anchor = _slug(title, "-")
        seen[anchor] = seen.get(anchor, -1) + 1
        # As the table of contents numbers headings of one name.
        own = anchor if not seen[anchor] else f"{anchor}_{seen[anchor]}"
        words = title.casefold()
        subject = next(((zh, en) for zh, en, pattern in SUBJECTS if re.search(pattern, words)), OTHER)
        date, _, rest = title.partition(" ")
        text = rest.replace("[", r"\[").replace("]", r"\]")
        found[subject].append(f"- {date} [{text}](log.md#{own})")
    parts = [f"## {names[english]}\n\n" + "\n".join(lines[::-1]) + "\n" for names, lines in found.items() if lines]
    return "\n".join(parts)
