"""The page in a headless browser: files of pairs, read in the browser, scored in small requests, given back as CSV."""

import csv
import importlib.util
import io
import json
from pathlib import Path

_spec = importlib.util.spec_from_file_location("page_stage", Path(__file__).with_name("page_stage.py"))
stage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage)
browser, service, visit, page = stage.browser, stage.service, stage.visit, stage.page
stand_in, expect = stage.stand_in, stage.expect

TASKS = list(stand_in.TITLES)


def choose(page, name, content):
    page.locator("#file").set_input_files(stage.upload(name, content))
    expect(page.locator("#file-status")).not_to_have_class("status busy")


def start(page):
    page.get_by_role("button", name="开始打分").click()


def downloaded(page):
    """The rows of the CSV file as any reader of UTF-8 with BOM sees them."""
    with page.expect_download() as found:
        page.get_by_role("link", name="下载 CSV").click()
    content = Path(found.value.path()).read_bytes()
    assert content.startswith("\ufeff".encode())
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))), found.value.suggested_filename


def expected(text0, text1, tasks=TASKS):
    decided = {task: stand_in.decision(task, text0, text1) for task in tasks}
    cells = {f"{task} 概率": f"{found['probability']:.6f}" for task, found in decided.items()}
    return cells | {f"{task} 匹配": str(int(found["match"])) for task, found in decided.items()}


def test_json_lines_come_back_as_a_table_in_order_with_bad_lines_named(page, service):
    # More than one piece of the file as it is read, and more than one request.
    pairs = [(f"第{i}条新闻" + "长" * 500, f"第{i * 7 % 13}条") for i in range(200)]
    lines = [json.dumps({"id": i, "文本一": a, "文本二": b}, ensure_ascii=False) for i, (a, b) in enumerate(pairs)]
    lines[3:3] = ["{不是", "", '["甲", "乙"]', '{"文本一": "只有一段"}', '{"文本一": 5, "文本二": "数"}']
    choose(page, "新闻.jsonl", "\r\n".join(lines))
    expect(page.locator("#file-status")).to_have_text("新闻.jsonl：204 行，其中 4 行有问题（JSONL，UTF-8）。")
    expect(page.locator("#preview tr")).to_have_count(5)
    problems = ["第 4 行 不是 JSON", "第 6 行 不是 JSON 对象", "第 7 行 没有“文本二”", "第 8 行 “文本一”不是文本"]
    expect(page.locator("#problems-list li")).to_have_text(problems)
    start(page)
    expect(page.locator("#file-status")).to_have_text("完成：204 行，其中 4 行有问题。")
    rows, name = downloaded(page)
    assert name == "新闻.yanmo.csv"
    good = [row for row in rows if not row["备注"]]
    assert [(row["id"], row["文本一"], row["文本二"]) for row in good] == [(str(i), *p) for i, p in enumerate(pairs)]
    assert all(expected(*pair).items() <= row.items() for pair, row in zip(pairs, good, strict=True))
    assert [(row["行"], row["id"]) for row in rows if row["备注"]][:2] == [("4", "{不是"), ("6", '["甲", "乙"]')]
    assert len(service.asked) > 3
    n_matches = sum(stand_in.decision("ssA", *pair)["match"] for pair in pairs)
    expect(page.locator("#tally dd").first).to_have_text(f"{n_matches} / 200 匹配")
    expect(page.locator("#tally")).to_contain_text("有文本未读完200 对")


def test_a_table_with_quotes_line_ends_and_slips(page):
    content = (
        'id,source,target\r\n1,"一，\n""引""号",乙\r\n2,丙\r\n3,"没有闭合,丁\r\n4,戊,己\r\n5,"多"余,庚\r\n6,辛,壬\r\n'
    )
    choose(page, "a.csv", content)
    expect(page.locator("#problems-list li")).to_have_text(
        ["第 4 行 有 2 列，第一行有 3 列", "第 5 行 引号没有闭合", "第 7 行 引号后面还有文字；引号内的引号要写两遍"]
    )
    start(page)
    rows, _ = downloaded(page)
    assert [(row["行"], row["id"]) for row in rows if not row["备注"]] == [("2", "1"), ("6", "4"), ("8", "6")]
    assert (rows[0]["source"], rows[0]["target"]) == ('一，\n"引"号', "乙")
    assert expected(rows[0]["source"], "乙").items() <= rows[0].items()
    assert [row["id"] for row in rows if row["备注"]] == ["2", '3,"没有闭合,丁', '5,"多"余,庚']


def test_a_line_end_and_a_character_may_be_cut_in_two_as_the_file_is_read(page):
    piece = 1 << 18
    head = b"source,target\r\n"
    first = head + b"a" * (piece - len(head) - 3) + b",b\r"
    assert len(first) == piece
    # The last character, three bytes, stands across the end of the second piece.
    second = b"\n" + b"c" * (piece - 2 - len(",字".encode())) + ",字".encode() + "墨".encode()
    choose(page, "a.csv", first + second + "\r\n只有一列\r\n".encode())
    expect(page.locator("#file-status")).to_have_text("a.csv：3 行，其中 1 行有问题（CSV，UTF-8）。")
    expect(page.locator("#preview td").nth(5)).to_have_text("字墨")
    expect(page.locator("#problems-list li")).to_have_text(["第 4 行 有 1 列，第一行有 2 列"])


def test_encoding_format_and_columns_are_told(page):
    files = [
        ("a.csv", "\ufeffSentence1,Sentence2\n甲,乙\n".encode(), "1 行（CSV，UTF-8）", "甲"),
        ("b.csv", "文本一,文本二\n甲国,乙国\n丙,丁".encode("gb18030"), "2 行（CSV，GB18030）", "甲国"),
        ("c.txt", "id\ttext0\ttext1\n1\t甲\t乙\n".encode("utf-16"), "1 行（TSV，UTF-16）", "甲"),
        ("d.tsv", "甲\t乙\t1\r丙\t丁\t0".encode(), "2 行（TSV，UTF-8）", "甲"),
        ("e.jsonl", '{"label": 1, "甲": "子", "乙": "丑"}\n'.encode(), "1 行（JSONL，UTF-8）", "子"),
        # A replacement character that stands in the file is text; a byte that fits no encoding is a bad line.
        ("f.csv", "甲\ufffd,乙\n".encode(), "1 行（CSV，UTF-8）", "甲\ufffd"),
        ("g.csv", "好文本,第一\n".encode() * 9 + b"\xff,b\n", "10 行，其中 1 行有问题（CSV，UTF-8）", "好文本"),
    ]
    for name, content, said, first in files:
        choose(page, name, content)
        expect(page.locator("#file-status")).to_have_text(f"{name}：{said}。")
        expect(page.locator("#preview td").nth(1)).to_have_text(first)


def test_a_file_that_cannot_be_read_is_turned_down_with_a_fix(page):
    files = [
        ("a.xlsx", b"PK\x03\x04rest", "请另存为“CSV UTF-8”"),
        ("a.csv", b"", "文件是空的"),
        ("a.csv", "一列\n".encode(), "至少要有两列"),
        ("a.jsonl", b'[{"source": "a"}]', "没有一行能读的文本"),
    ]
    for name, content, said in files:
        choose(page, name, content)
        expect(page.locator("#file-status")).to_contain_text(said)
        expect(page.locator("#plan")).to_be_hidden()


def test_columns_header_and_standards_can_be_chosen(page, service):
    choose(page, "a.csv", "编号,问题,回答\n1,甲,乙\n")
    expect(page.locator("#file-status")).to_contain_text("2 行")
    page.get_by_label("第一行是表头").check()
    expect(page.locator("#file-status")).to_contain_text("1 行")
    page.get_by_label("文本一所在的列").select_option("回答")
    expect(page.locator("#file-status")).to_contain_text("1 行")
    page.get_by_label("文本二所在的列").select_option("回答")
    expect(page.locator("#file-status")).to_have_text("两段文本不能取自同一列。")
    page.get_by_label("文本二所在的列").select_option("问题")
    for task in ("ssA", "slA", "slB"):
        page.get_by_role("checkbox", name=stand_in.TITLES[task]).uncheck()
    start(page)
    rows, _ = downloaded(page)
    assert rows == [{"行": "2", "编号": "1", "问题": "甲", "回答": "乙", "备注": ""} | expected("乙", "甲", ["ssB"])]
    assert service.asked == [{"pairs": [{"text0": "乙", "text1": "甲"}], "tasks": ["ssB"]}]


def test_no_cell_of_the_download_runs_in_a_spreadsheet(page):
    texts = ["=1+1", "+86 电话", "-一", "@某人", "\t=1", "-3.5", "普通"]
    choose(page, "a.jsonl", "\n".join(json.dumps({"source": text, "target": "乙"}) for text in texts))
    start(page)
    rows, _ = downloaded(page)
    guarded = ["'=1+1", "'+86 电话", "'-一", "'@某人", "'\t=1", "-3.5", "普通"]
    assert [row["source"] for row in rows] == guarded


def test_busy_refused_and_too_long_lose_no_line(visit, service):
    page = visit(429, 413, 503)
    service.refusals, service.too_long = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})], 50
    pairs = [(f"文本{i}", "长" * (60 if i in (5, 17) else 6)) for i in range(30)]
    choose(page, "a.tsv", "source\ttarget\n" + "".join(f"{a}\t{b}\n" for a, b in pairs))
    start(page)
    expect(page.locator("#file-status")).to_have_text("完成：30 行，其中 2 行有问题。")
    rows, _ = downloaded(page)
    assert [(row["source"], row["target"]) for row in rows] == pairs
    assert [row["行"] for row in rows if row["备注"]] == ["7", "19"]
    assert "a text is too long" in rows[5]["备注"]
    scored = [(pair, row) for pair, row in zip(pairs, rows, strict=True) if not row["备注"]]
    assert all(expected(*pair).items() <= row.items() for pair, row in scored)


def test_a_pause_asks_for_the_key_and_goes_on(visit, service):
    page = visit(401)
    choose(page, "a.csv", "source,target\n" + "甲,乙\n" * 20)
    service.key = "secret"
    start(page)
    expect(page.locator("#file-status")).to_contain_text("服务要求 API 密钥")
    page.get_by_label("密钥", exact=True).fill("secret")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="继续").click()
    expect(page.locator("#file-status")).to_have_text("完成：20 行。")
    assert len(downloaded(page)[0]) == 20


def test_cancelled_halfway_what_is_done_can_be_had(page, service):
    choose(page, "a.csv", "source,target\n" + "甲,乙\n" * 50)
    service.refusals = []
    page.route("**/v1/decide", lambda route: (service.gate.clear() if service.asked else None, route.continue_()))
    start(page)
    expect(page.locator("#progress-text")).to_contain_text("8 / 50 行")
    page.get_by_role("button", name="取消").click()
    expect(page.locator("#file-status")).to_have_text("已取消。已完成的 8 行可以下载。")
    expect(page.get_by_role("link", name="下载 CSV")).to_be_focused()
    assert len(downloaded(page)[0]) == 8
    service.gate.set()
    page.unroute("**/v1/decide")
    start(page)
    expect(page.locator("#file-status")).to_have_text("完成：50 行。")
    assert len(downloaded(page)[0]) == 50


def test_a_service_gone_midway_keeps_what_is_done(visit, service):
    page = visit(0)
    choose(page, "a.csv", "source,target\n" + "甲,乙\n" * 50)
    page.route("**/v1/decide", lambda route: route.abort() if service.asked else route.continue_())
    start(page)
    expect(page.locator("#file-status")).to_contain_text("连不上服务")
    page.unroute("**/v1/decide")
    page.get_by_role("button", name="继续").click()
    expect(page.locator("#file-status")).to_have_text("完成：50 行。")
    assert len(downloaded(page)[0]) == 50


def test_waiting_for_a_busy_service_can_be_cancelled(visit, service):
    page = visit(429)
    choose(page, "a.csv", "source,target\n甲,乙\n")
    service.refusals = [(429, {"Retry-After": "600"})]
    start(page)
    expect(page.locator("#file-status")).to_have_text("服务正忙，600 秒后再试…")
    page.get_by_role("button", name="取消").click()
    expect(page.locator("#file-status")).to_have_text("已取消。")
    expect(page.get_by_role("link", name="下载 CSV")).to_be_hidden()


def test_a_file_can_be_dropped_and_the_focus_stays_where_people_type(page, service):
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["source,target\\n甲,乙\\n"], "拖.csv"));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#file-status")).to_have_text("拖.csv：1 行（CSV，UTF-8）。")
    service.gate.clear()
    start(page)
    expect(page.get_by_role("button", name="取消")).to_be_focused()
    page.locator("#text0").focus()
    service.gate.set()
    expect(page.locator("#file-status")).to_have_text("完成：1 行。")
    expect(page.locator("#text0")).to_be_focused()
