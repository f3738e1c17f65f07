import csv
import json
import multiprocessing
import os
import signal

import pytest

from yanmo.bulk import predict
from yanmo.bulk.asking_rules import asking_rules
from yanmo.bulk.pair_chunks import ScorerHere
from yanmo.bulk.predict import PredictSource, predict_files
from yanmo.bulk.request import ReadingRules
from yanmo.data import OnBadLine
from yanmo.errors import InputError
from yanmo.tokenize import TextNormalization

CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E40)]


def _write_pairs(path, n, *, ids=True):
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            row = {
                "source": "".join(CHARACTERS[i % 50 : i % 50 + 6]),
                "target": "".join(CHARACTERS[i % 37 : i % 37 + 8]),
            }
            file.write(json.dumps(row | ({"id": f"a{i}"} if ids else {}), ensure_ascii=False) + "\n")
    return path


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(predict, "_PAIRS", 16)


def _predict(overlap_matcher, sources, out, **more):
    matcher, _ = overlap_matcher
    more.setdefault("contest", out.suffix == ".csv")
    return predict_files(ScorerHere(matcher), [PredictSource((task,), path) for task, path in sources], out, **more)


def test_lines_are_those_of_the_matcher_in_the_files_order(overlap_matcher, tmp_path):
    matcher, _ = overlap_matcher
    path = _write_pairs(tmp_path / "in.jsonl", 50)
    done = _predict(overlap_matcher, [("ssB", path)], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    given = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    decided = matcher.decide([(row["source"], row["target"]) for row in given], task="ssB")
    assert [(row["id"], int(row["label"])) for row in rows] == [
        (row["id"], int(yes)) for row, yes in zip(given, decided, strict=True)
    ]
    assert (done.n_pairs, done.n_before, done.n_matches) == (50, 0, decided.sum())
    assert 0 < decided.sum() < 50
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.csv", "overlap"]


def test_json_lines_carry_probabilities_and_lines_without_id_their_number(overlap_matcher, tmp_path):
    matcher, _ = overlap_matcher
    path = _write_pairs(tmp_path / "in.jsonl", 5, ids=False)
    _predict(overlap_matcher, [("ssB", path), ("slA", path)], tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(t, row["id"]) for row in rows for t in ("ssB", "slA") if t in row] == [
        (t, str(i)) for t in ("ssB", "slA") for i in range(1, 6)
    ]
    given = json.loads(path.read_text(encoding="utf-8").splitlines()[2])
    expected = matcher.score([(given["source"], given["target"])], task="ssB")[0]
    assert rows[2]["ssB_probability"] == pytest.approx(expected, abs=1e-6)


def _killed_after(n_chunks, overlap_matcher, sources, out, more):
    seen = []

    def on_progress(n):
        seen.append(n)
        if len(seen) == n_chunks:
            with out.with_name(f"{out.name}.part").open("ab") as file:
                file.write(b"half a li")  # as if killed in the middle of writing the next chunk
            os.kill(os.getpid(), signal.SIGKILL)

    _predict(overlap_matcher, sources, out, on_progress=on_progress, **more)


@pytest.mark.parametrize("on_bad_line", list(OnBadLine))
def test_after_any_number_of_kills_no_line_is_lost_or_doubled(overlap_matcher, tmp_path, on_bad_line):
    first, second = _write_pairs(tmp_path / "a.jsonl", 70), _write_pairs(tmp_path / "b.jsonl", 45)
    if on_bad_line is OnBadLine.SKIP:
        for path in (first, second):
            lines = path.read_text(encoding="utf-8").splitlines()
            path.write_text("\n".join([lines[0], "{broken", *lines[1:]]) + "\n", encoding="utf-8")
    sources = [("ssA", first), ("ssB", second)]
    _predict(overlap_matcher, sources, tmp_path / "whole.csv", on_bad_line=on_bad_line)
    out = tmp_path / "killed.csv"
    more = {"on_bad_line": on_bad_line}
    for n_chunks in (2, 3, 1):  # the third dies within the second file
        child = multiprocessing.get_context("fork").Process(
            target=_killed_after, args=(n_chunks, overlap_matcher, sources, out, more)
        )
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert not out.exists()
    done = _predict(overlap_matcher, sources, out, **more)
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (done.n_pairs, done.n_before) == (115, 70 + 16)
    if on_bad_line is OnBadLine.SKIP:
        assert done.n_rejected == 2
        rejects = [tmp_path / f"{name}.csv.rejects.jsonl" for name in ("whole", "killed")]
        assert rejects[0].read_bytes() == rejects[1].read_bytes()


def test_an_interrupted_prediction_only_goes_on_with_the_same_request(overlap_matcher, tmp_path):
    path, out = _write_pairs(tmp_path / "in.jsonl", 60), tmp_path / "out.csv"

    def stop(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _predict(overlap_matcher, [("ssB", path)], out, on_progress=stop)
    with pytest.raises(InputError, match="other sources"):
        _predict(overlap_matcher, [("ssA", path)], out)
    done = _predict(overlap_matcher, [("ssA", path)], out, restart=True)
    assert (done.n_pairs, done.n_before) == (60, 0)
    with pytest.raises(InputError, match="exists"):
        _predict(overlap_matcher, [("ssA", path)], out)


def test_a_bad_line_stops_and_what_was_done_is_kept(overlap_matcher, tmp_path):
    path, out = _write_pairs(tmp_path / "in.jsonl", 40), tmp_path / "out.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    with pytest.raises(InputError, match=r"in\.jsonl:41: is not JSON"):
        _predict(overlap_matcher, [("ssB", path)], out)
    assert not out.exists()
    assert (tmp_path / "out.csv.part").read_bytes().count(b"\n") == 1 + 32


def test_empty_and_huge_texts_get_a_line_too(overlap_matcher, tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"source": "", "target": ""}, {"source": "一" * 100_000, "target": "丁"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert _predict(overlap_matcher, [("llA", path)], tmp_path / "out.csv").n_pairs == 2


def test_a_missing_file_is_named(overlap_matcher, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        _predict(overlap_matcher, [("llA", tmp_path / "nowhere.jsonl")], tmp_path / "out.csv")


def test_it_counts_pairs_with_nothing_to_read_and_with_what_the_vocabulary_lacks(overlap_matcher, tmp_path):
    plain, folder = overlap_matcher
    matcher = plain.with_normalization(TextNormalization())
    texts = [("一丁", "一丁"), ("", "\u200b"), ("一🍎", "丁"), (" ", " ")] * 10
    path = tmp_path / "in.jsonl"
    rows = [json.dumps({"source": a, "target": b}) + "\n" for a, b in texts]
    path.write_text("".join(rows), encoding="utf-8")
    done = _predict((matcher, folder), [("ssB", path)], tmp_path / "out.jsonl")
    assert (done.n_pairs, done.n_blank, done.n_unknown) == (40, 20, 10)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["ssB"] for line in lines[:4]] == [1, 0, 0, 0]
    assert lines[1]["ssB_probability"] == 0


def test_it_counts_pairs_that_a_declared_detail_keeps_apart(overlap_matcher, tmp_path):
    plain, folder = overlap_matcher
    matcher = plain.with_details(["number"], task="ssB")
    path = tmp_path / "in.jsonl"
    texts = [("丁丈不丐三人", "丁丈不丐五人"), ("丁丈不丐三人", "丁丈不丐三人")] * 5
    path.write_text("".join(json.dumps({"source": a, "target": b}) + "\n" for a, b in texts), encoding="utf-8")
    done = _predict((matcher, folder), [("ssB", path)], tmp_path / "out.jsonl")
    assert done.n_apart == {"ssB": 5}
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["ssB"], line["ssB_probability"] > 0) for line in lines[:2]] == [(0, False), (1, True)]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_the_least_sure_tenth_is_left_to_a_person(overlap_matcher, tmp_path, suffix):
    matcher, _ = overlap_matcher
    path = tmp_path / "in.jsonl"
    texts = [("".join(CHARACTERS[:6]), "".join(CHARACTERS[i % 6 : i % 6 + 6])) for i in range(60)]
    path.write_text("".join(json.dumps({"source": a, "target": b}) + "\n" for a, b in texts), encoding="utf-8")
    source = PredictSource(("ssB",), path)
    rules = asking_rules(matcher, [source], share=0.3, rules=ReadingRules())
    out = tmp_path / f"out.{suffix}"
    done = predict_files(ScorerHere(matcher), [source], out, keep=(), asking=rules)
    text = out.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in text] if suffix == "jsonl" else list(csv.DictReader(text))
    given = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    answers = matcher.decide([(row["source"], row["target"]) for row in given], task="ssB", ask=0.3)
    assert [str(row["ssB"]) for row in rows] == list(answers)
    # Six likenesses, ten pairs of each: of the least sure 18 those of one likeness.
    assert done.asked["ssB"] == list(answers).count("?") == 10
    assert done.matches["ssB"] == list(answers).count("1")


def test_thresholds_kept_for_this_share_are_taken_and_the_contest_has_no_third_answer(overlap_matcher, tmp_path):
    matcher, _ = overlap_matcher
    path = _write_pairs(tmp_path / "in.jsonl", 20)
    source = PredictSource(("ssB",), path)
    kept = matcher.matching.decision("ssB").model_copy(update={"ask_above": 0.55, "ask_below": 0.65, "ask_share": 0.1})
    matcher.matching = matcher.matching.with_decision("ssB", kept)
    rules = asking_rules(matcher, [source], share=0.1, rules=ReadingRules())
    assert rules == {"ssB": kept}
    with pytest.raises(InputError, match="no third answer"):
        predict_files(ScorerHere(matcher), [source], tmp_path / "out.csv", contest=True, asking=rules)
    # Without being asked to ask, it answers every pair.
    predict_files(ScorerHere(matcher), [source], tmp_path / "all.jsonl")
    assert '"?"' not in (tmp_path / "all.jsonl").read_text(encoding="utf-8")
