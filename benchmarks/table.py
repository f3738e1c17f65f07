"""The measured speeds as one Markdown table in two languages; numbers come from JSON files of ``benchmarks/results``.

    python benchmarks/table.py [--results DIR]

Writes table.md in Chinese and table.en.md, its words exchanged for English ones. Files that are not there leave their
rows out.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"
_HEAD = "| 内容 | 研墨 | 同类（名称与版本） | 倍数：中位数（最小–最大） | 条件 |\n| --- | --- | --- | --- | --- |\n"
_EXPLAINED = (
    "由 `python benchmarks/table.py` 从同目录的 JSON 写成。"
    "倍数是同一轮里两者之比，大于 1 表示研墨快；各方式各占一个进程，轮流运行。\n"
)

# Contenders of score.py: what they are called here, and the packages that do their work.
_PEERS = {
    "transformers float32": ("transformers float32", "transformers", "torch"),
    "cross-encoder float32": ("CrossEncoder float32", "sentence-transformers", "torch"),
    "cross-encoder onnx int8": ("CrossEncoder ONNX int8", "sentence-transformers", "onnxruntime"),
    "cross-encoder openvino int8": ("CrossEncoder OpenVINO int8", "sentence-transformers", "openvino"),
}

# What the table's words are in English, the longer ones first where one holds another.
_ENGLISH = {
    "由 `python benchmarks/table.py` 从同目录的 JSON 写成。": "Made from JSON by `python benchmarks/table.py`. ",
    "倍数是同一轮里两者之比，大于 1 表示研墨快；": "Times: a ratio within one run, above 1 where Yanmo is faster; ",
    "各方式各占一个进程，轮流运行。": "each way has a process of its own, in turns.",
    " 对 ": " against ",
    "同类（名称与版本）": "beside it (name and version)",
    "倍数：中位数（最小–最大）": "times: median (least–most)",
    "打分 float32 占峰值（只计非补齐 token 的线性层）": "scoring float32, share of the peak (linear layers)",
    "本机 float32 矩阵乘峰值": "this machine's float32 matrix product at its peak",
    "从启动到第一个分数": "from start to the first score",
    "所计 `import yanmo`": "of `import yanmo`",
    "同一模型离线打分": "the same model offline",
    "（前后两次）": " (before and after)",
    "词粒度分词，成批含偏移": "word tokenizing, batches with offsets",
    "两个标准一起打分（`score_all`），耗时之比": "two standards together (`score_all`), ratio of times",
    "一百段对一百段，所有对": "a hundred texts against a hundred, all pairs",
    "一段对一千段": "one text against a thousand",
    "12 层中上 4 层带条件": "the upper 4 of 12 layers conditioned",
    "研墨，12 层全部联合": "Yanmo, all 12 layers joint",
    "研墨，一个标准": "Yanmo, one standard",
    "所给编码器的宽度": "the given encoder's width",
    "每个请求": "per request",
    "平均每步": "per step",
    "每步平均": "per step",
    "补齐开销": "padding",
    "测时负载": "load",
    "批量预测": "bulk prediction",
    "层联合注意力": " joint layers",
    "不计启动": "without the start",
    "处理器秒": "processor seconds",
    "新进程": "new process",
    "个客户端": "clients",
    "个进程": "processes",
    "单进程": "one process",
    "仅导入": "import alone",
    "HTTP 服务": "HTTP service",
    "千字长文": "texts of 1,000 characters",
    "搜狐短文": "short news",
    "短句": "sentences",
    "原算法": "the original algorithm",
    "万字/秒": "x 10⁴ characters/s",
    "对/秒": "pairs/s",
    "线程": "threads",
    "内容": "what",
    "研墨": "Yanmo",
    "条件": "terms",
    "训练": "training",
    "打分": "scoring",
    "层、宽": "layers x",
    "平均": "mean",
    "已 `": "kept by `",
    "上 ": "upper ",
    "各 ": "each ",
    "与": "and",
    "核": "cores",
    "秒": "s",
    "对": "pairs",
    "字": "characters",
    "，": ", ",
    "、": ", ",
    "：": ": ",
    "（": " (",
    "）": ")",
}

Result = dict[str, Any]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    ours: str
    peer: str
    ratio: str
    terms: str


def main() -> None:
    """Reads what is there and writes ``table.md`` beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    folder = parser.parse_args().results
    rows = [
        row
        for name, rows_of in _FILES.items()
        if (folder / f"{name}.json").is_file()
        for row in rows_of(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    ]
    table = _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    written = f"{_EXPLAINED}\n{table}"
    (folder / "table.md").write_text(written, encoding="utf-8")
    (folder / "table.en.md").write_text(_in_english(written), encoding="utf-8")
    print(table)


def _score(whole: Result) -> Iterator[Row]:
    for key, result in whole.items():
        speed, versions = result["pairs_per_second"], result["versions"]
        terms = f"{_width(key)}，{result['n_pairs']} 对，平均 {result['tokens_per_pair']:.0f} token，{_machine(result)}"
        for ours, peers in result["ratio"].items():
            for peer, ratio in peers.items():
                title, *packages = _PEERS[peer]
                own = {package: versions[peer][package] for package in packages}
                their = f"{_named(title, own)}：{speed[peer]['median']:.2f} 对/秒"
                what = f"打分 {ours.removeprefix('yanmo ')}"
                yield Row(what, f"{speed[ours]['median']:.2f} 对/秒", their, _spread(ratio), terms)
        for ours in result["ratio"]:
            if not ours.endswith("float32"):
                continue
            peak = f"本机 float32 矩阵乘峰值：{result['matmul_gflops']['median']:.0f} GFLOP/s"
            share = result["share_of_matmul_peak"][ours]
            yield Row("打分 float32 占峰值（只计非补齐 token 的线性层）", "—", peak, _spread(share), terms)


def _train(whole: Result) -> Iterator[Row]:
    for key, result in whole.items():
        speed, versions = result["pairs_per_second"], result["machine"]["versions"]
        for peer, ratio in result["ratio"].items():
            padding = {name: each["whole_run"] for name, each in result["padding"].items()}
            terms = (
                f"{_width(key)}，每步平均 {result['pairs_per_step'][peer]:.0f} 对，"
                f"平均 {result['tokens_per_pair']:.0f} token，"
                f"补齐开销 {padding['yanmo']:.3f} 对 {padding[peer]:.3f}，{_machine(result)}"
            )
            name = peer.removeprefix("transformers ")
            package = {"transformers": versions["transformers"], "torch": versions["torch"]}
            their = f"{_named(f'transformers Trainer（{name}）', package)}：{speed[peer]['median']:.2f} 对/秒"
            yield Row("训练", f"{speed['yanmo']['median']:.2f} 对/秒", their, _spread(ratio), terms)


def _serve(result: Result) -> Iterator[Row]:
    for load in result["loads"]:
        offline = load["offline_pairs_per_second"]
        terms = (
            f"{result['clients']} 个客户端，每个请求 {load['pairs_per_request']} 对，{result['seconds']:.0f} 秒，"
            f"p50/p99 {load['latency_ms']['p50']}/{load['latency_ms']['p99']} ms，{_processor(result)}"
        )
        their = f"同一模型离线打分：{offline['before']} 与 {offline['after']} 对/秒（前后两次）"
        yield Row("HTTP 服务", f"{load['pairs_per_second']} 对/秒", their, f"{load['share_of_offline']:.2f}", terms)


def _startup(result: Result) -> Iterator[Row]:
    titles = {
        "import yanmo": "`import yanmo`",
        "yanmo --help": "`yanmo --help`",
        "yanmo match, first score": "`yanmo match`，从启动到第一个分数",
    }
    seconds, versions = result["seconds"], result["versions"]
    for ours, peers in result["ratio"].items():
        for peer, ratio in peers.items():
            their = f"{_named(peer.replace(': import', ' 仅导入'), versions[peer])}：{_duration(seconds[peer])}"
            yield Row(titles[ours], _duration(seconds[ours]), their, _spread(ratio), f"新进程，{_processor(result)}")
    inner = result["import_milliseconds_by_importtime"]
    own = f"{inner['median']:.0f} ms（{inner['min']:.0f}–{inner['max']:.0f}）"
    yield Row("`python -X importtime` 所计 `import yanmo`", own, "—", "—", f"新进程，{_processor(result)}")


def _word_tokenizer(result: Result) -> Iterator[Row]:
    titles = {"short": "短句", "sohu": "搜狐短文", "long": "千字长文"}
    way, versions = "yanmo encode_batch (with offsets)", result["machine"]["versions"]
    peers = {
        "original": ("original algorithm", "原算法", {"jieba": versions["jieba"]}),
        "transformers": (
            "transformers RoFormerTokenizer",
            "transformers RoFormerTokenizer",
            {"transformers": versions["transformers"]},
        ),
    }
    for kind, speed in result["speed"].items():
        rates = speed["characters_per_cpu_second"]
        for key, (name, title, packages) in peers.items():
            _, low, high = speed[f"ratio_to_{key}_first_lowest_highest"][way]
            yield Row(
                f"词粒度分词，成批含偏移（{titles[kind]}）",
                f"{rates[way] / 1e4:.0f} 万字/秒",
                f"{_named(title, packages)}：{rates[name] / 1e4:.0f} 万字/秒",
                _spread({"median": speed[f"ratio_to_{key}"][way], "min": low, "max": high}),
                f"{result['threads']} 线程，处理器秒，平均 {speed['mean_characters']:.0f} 字，"
                f"测时负载 {result['load_average_of_a_minute']}，{_processor(result)}",
            )


def _bulk(result: Result) -> Iterator[Row]:
    (plain, reference), *others = result["ways"].items()
    rate = reference["pairs_per_second"]["median"]
    for name, way in others:
        speed = way["pairs_per_second"]
        yield Row(
            f"批量预测：{_bulk_way(name)}",
            f"{speed['median']:.1f} 对/秒（{speed['worst']:.1f}–{speed['best']:.1f}）",
            f"研墨，{_bulk_way(plain)}：{rate:.1f} 对/秒",
            f"{way['times_one_process']:.2f}",
            f"{result['cores_used']} 核，{result['pairs']} 对，不计启动，{_processor(result)}",
        )


def _shared_work(result: Result) -> Iterator[Row]:
    if both := result.get("both"):
        yield Row(
            "两个标准一起打分（`score_all`），耗时之比",
            f"{both['seconds_both']['median']:.2f} 秒",
            f"研墨，一个标准：{both['seconds_one']['median']:.2f} 秒",
            _spread(both["ratio"]),
            f"12 层中上 4 层带条件，{both['n_pairs']} 对，{both['threads']} 线程，{_processor(both)}",
        )
    for part, title in {"search": "一段对一千段", "grid": "一百段对一百段，所有对"}.items():
        told = result.get(part, {"pairs_per_second": {}})
        for name, speed in told["pairs_per_second"].items():
            _, n_joint, *after = name.split()
            if n_joint == "12" or after[-1:] == ["second"]:
                continue
            yield Row(
                f"{title}{'，已 `encode_texts`' if after else ''}：上 {n_joint} 层联合注意力",
                f"{speed['median']:.0f} 对/秒",
                f"研墨，12 层全部联合：{told['pairs_per_second']['joint 12']['median']:.0f} 对/秒",
                _spread(told["times_of_joint_all"][name]),
                f"{told['n_pairs']} 对，{told['threads']} 线程，{_processor(told)}",
            )


_FILES: dict[str, Callable[[Result], Iterator[Row]]] = {
    "score": _score,
    "train": _train,
    "serve": _serve,
    "startup": _startup,
    "word_tokenizer": _word_tokenizer,
    "bulk": _bulk,
    "shared_work": _shared_work,
}


def _in_english(written: str) -> str:
    for chinese, english in _ENGLISH.items():
        written = written.replace(chinese, english)
    if left := re.findall(r"[\u3000-\u9fff]+", written):
        raise SystemExit(f"no English for {', '.join(sorted(set(left)))}")
    return re.sub(r"  +", " ", written)


def _bulk_way(name: str) -> str:
    words = {
        "one process": "单进程",
        " threads": " 线程",
        " workers": " 个进程",
        "1 thread each": "各 1 线程",
        ", ": "，",
    }
    for theirs, ours in words.items():
        name = name.replace(theirs, ours)
    return name


def _named(peer: str, versions: dict[str, str]) -> str:
    return f"{peer}（{'、'.join(f'{name} {version}' for name, version in versions.items())}）"


def _width(key: str) -> str:
    """The width in a key such as ``width_768_threads_2``."""
    width = key.split("_")[1]
    return "所给编码器的宽度" if width == "base" else f"12 层、宽 {width}"


def _spread(values: dict[str, float]) -> str:
    return f"{values['median']:.2f}（{values['min']:.2f}–{values['max']:.2f}）"


def _duration(seconds: dict[str, float]) -> str:
    return f"{seconds['median']:.2f} 秒"


def _machine(result: Result) -> str:
    return f"{result['threads']} 线程，{_processor(result)}（{result['capability']}）"


def _processor(result: Result) -> str:
    return str(result["machine"]["processor"])


if __name__ == "__main__":
    main()
