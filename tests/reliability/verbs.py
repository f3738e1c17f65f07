"""The verbs that write, each with tiny input, and what of their output may differ from call to call."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CONVERTED = Path(__file__).parents[1] / "convert" / "tensorflow_checkpoints" / "roformer"
_SHORT = ("report_to=[]", "n_checkpoints=4", "n_evaluations=2", "learning_rate=1e-3")
_TASKS = """
name: two
tasks:
  - {name: loose, standard: A, budget: {left: 20, right: 20}}
  - {name: strict, standard: B, budget: {left: 20, right: 20}}
"""


@dataclass(frozen=True)
class Verb:
    """One verb and how it is called."""

    words: Callable[[Path], list[str]]
    """The call, given where its input is; what it writes is named after it."""
    marks: tuple[str, ...] = ()
    """Of a run that goes on with ``--resume``: the files that make its folder a model's, all others being there."""
    suffix: str = ""
    """Of the name of what it writes."""
    grows: bool = False
    """Whether what is there may be used at any time, and holds what has been written until then."""
    is_slow: bool = False
    """Whether a call takes so long that the short form kills it once only."""

    def call(self, inputs: Path, out: Path, *, resume: bool = False) -> list[str]:
        """The words of a call."""
        return [*self.words(inputs), "--out", str(out), *(["--resume"] if resume else [])]


def _set(*settings: str) -> list[str]:
    return [word for setting in (*_SHORT, *settings) for word in ("--set", setting)]


VERBS = {
    "train": Verb(
        lambda at: [
            *("train", "--data", f"{at}/data", "--tasks", f"{at}/tasks.yaml", "--base", f"{at}/base"),
            *_set("max_tokens=80", "n_epochs=1", "architecture.condition_width=4", "architecture.head_width=8"),
        ],
        marks=("matching.json",),
    ),
    "pretrain": Verb(
        lambda at: [
            *("pretrain", f"{at}/corpus.txt", "--base", f"{at}/base"),
            *_set("max_length=24", "max_tokens=120", "accumulation=1", "n_epochs=1"),
            *_set("heldout_share=0.2", "heldout_documents=6", "heldout_min_characters=4"),
        ],
        marks=("pretraining.json",),
    ),
    "train-vectors": Verb(
        lambda at: [
            *("train-vectors", f"{at}/corpus.txt", "--base", f"{at}/base"),
            *("--set", "report_to=[]", "--set", "n_checkpoints=4", "--set", "batch_size=8", "--set", "n_steps=12"),
            *("--set", "max_length=24", "--set", "heads.projection_width=8", "--set", "heads.predictor_width=8"),
        ],
        marks=("modules.json", "vectors.json"),
    ),
    "predict": Verb(
        lambda at: ["predict", f"{at}/graph", f"{at}/pairs.jsonl", "--task", "strict", "--on-bad-line", "skip"],
        suffix=".jsonl",
    ),
    "predict by workers": Verb(
        lambda at: [*VERBS["predict"].words(at), "--workers", "2"],
        suffix=".jsonl",
    ),
    "convert": Verb(lambda _: ["convert", "tensorflow", str(CONVERTED), "--model-type", "roformer"]),
    "export": Verb(lambda at: ["export", f"{at}/matcher"], is_slow=True),
    "quantize": Verb(lambda at: ["quantize", f"{at}/gpt2"]),
    "index": Verb(lambda at: ["index", f"{at}/graph", f"{at}/texts.csv", "--task", "strict"], grows=True),
    "link": Verb(
        lambda at: ["link", f"{at}/graph", f"{at}/texts.csv", f"{at}/others.csv", "--task", "strict", "--top", "20"],
        suffix=".csv",
    ),
    "dedup": Verb(lambda at: ["dedup", f"{at}/graph", f"{at}/texts.csv", "--task", "strict"], suffix=".csv"),
    "standard learn": Verb(lambda at: ["standard", "learn", f"{at}/graph", f"{at}/examples.csv", "--name", "own"]),
}


def write_inputs(folder: Path, *, base, matcher, graph, pairs) -> None:
    """Writes what the verbs read.

    Args:
        folder: Where to.
        base: The folder of a base.
        matcher: A matcher with the task ``strict``, symmetric, whose texts are encoded alone.
        graph: The folder of its export.
        pairs: Makes labelled pairs of two tasks, given how many and a seed.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    (folder / "base").symlink_to(base)
    (folder / "graph").symlink_to(graph)
    (folder / "tasks.yaml").write_text(_TASKS, encoding="utf-8")
    for split, n in (("train", 24), ("valid", 12)):
        for task, rows in pairs(n, seed=n).items():
            path = folder / "data" / task / f"{split}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps({"text1": row.text0, "text2": row.text1, "label": row.label}) for row in rows]
            path.write_text("\n".join(lines), encoding="utf-8")
    texts = [row.text0 + row.text1 for row in pairs(60, seed=1)["loose"]]
    (folder / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    (folder / "texts.csv").write_text("text\n" + "\n".join(texts), encoding="utf-8")
    (folder / "others.csv").write_text("text\n" + "\n".join(texts[::3]), encoding="utf-8")
    examples = [f"{row.text0},{row.text1},{row.label}" for row in pairs(24, seed=3)["strict"]]
    (folder / "examples.csv").write_text("text1,text2,label\n" + "\n".join(examples), encoding="utf-8")
    rows = [
        json.dumps({"id": f"p{i}", "source": row.text0, "target": row.text1})
        for i, row in enumerate(pairs(3000, seed=2)["strict"])
    ]
    (folder / "few.jsonl").write_text("\n".join(rows[:20]), encoding="utf-8")
    rows[7:2900:400] = ["{broken"] * len(rows[7:2900:400])
    (folder / "pairs.jsonl").write_text("\n".join(rows), encoding="utf-8")
    matcher.save_pretrained(folder / "matcher")
    GPT2LMHeadModel(GPT2Config(vocab_size=30, n_positions=8, n_embd=16, n_layer=2, n_head=2)).save_pretrained(
        folder / "gpt2"
    )


def written(out: Path) -> dict[str, str]:
    """Digests of all that stands beside and under what a call writes, by name.

    Seconds are taken out, and the trackers' own files: they may differ from call to call.
    """
    found = {}
    for path in sorted(out.parent.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if path.name in ("pretraining.json", "evaluations.jsonl"):
            rows = [json.loads(line) for line in ([content] if path.suffix == ".json" else content.splitlines())]
            content = json.dumps([{key: row[key] for key in row if "second" not in key} for row in rows]).encode()
        found[str(path.relative_to(out.parent))] = hashlib.sha256(content).hexdigest()[:12]
    return found
