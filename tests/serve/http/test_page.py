"""The page in a headless browser: one pair under every standard, errors, keys, looks."""

import importlib.util
import re
from importlib import resources
from pathlib import Path

import pytest

from yanmo.data.columns import KNOWN_PAIRS

_spec = importlib.util.spec_from_file_location("page_stage", Path(__file__).with_name("page_stage.py"))
stage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage)
browser, service, visit, page = stage.browser, stage.service, stage.visit, stage.page
stand_in, expect = stage.stand_in, stage.expect

PAIR = ("巴塞罗那三比零获胜", "巴塞罗那昨晚获胜")


def score(page, text0, text1):
    page.get_by_label("文本一", exact=True).fill(text0)
    page.get_by_label("文本二", exact=True).fill(text1)
    page.get_by_role("button", name="打分", exact=True).click()


def line(page, task):
    return page.locator("#verdicts li", has=page.get_by_text(task, exact=True))


def test_every_standard_is_shown_with_probability_threshold_and_decision(page):
    score(page, *PAIR)
    expect(page.locator("#pair-status")).to_contain_text("4 个标准中，2 个判为匹配")
    for task, title in stand_in.TITLES.items():
        found, decided = line(page, task), stand_in.decision(task, *PAIR)
        expect(found.locator(".standard")).to_contain_text(title.split("·")[1])
        expect(found.locator(".probability")).to_have_text(f"{decided['probability']:.2f}")
        expect(found.locator(".threshold")).to_have_text(f"阈值 {decided['threshold']:.2f}")
        expect(found.locator(".verdict")).to_have_text("匹配" if decided["match"] else "不匹配")
        bar, track, mark = (found.locator(part).bounding_box() for part in (".bar", ".track", ".mark"))
        assert mark["x"] + 1 - track["x"] == pytest.approx(decided["threshold"] * track["width"], abs=1)
        assert bar["width"] == pytest.approx(decided["probability"] * track["width"], abs=1)
    # Loose above strict, on one scale.
    loose, strict = (line(page, task).locator(".track").bounding_box() for task in ("ssA", "ssB"))
    assert (loose["x"], loose["width"]) == (strict["x"], strict["width"])
    assert 0 < strict["y"] - loose["y"] < 100
    assert page.locator("#verdicts h3").all_text_contents() == ["短短", "短长"]
    expect(page.locator("#verdicts .note").first).to_have_text("两段都完整读入，9 与 8 个 token。")
    expect(page.locator(".remark")).to_have_count(0)


def test_what_was_cut_is_said_in_words(page):
    score(page, "短", "长" * 1255)
    note = page.locator("#verdicts .note").first
    expect(note).to_have_text("文本一完整读入，1 个 token；文本二太长，只读了 20 个 token，略去中间的 1,235 个。")


def test_the_keyboard_alone_is_enough(page, service):
    page.keyboard.press("Tab")
    for _ in range(10):
        if page.evaluate("document.activeElement.id") == "text0":
            break
        page.keyboard.press("Tab")
    page.keyboard.type(PAIR[0])
    page.keyboard.press("Tab")
    page.keyboard.type(PAIR[1])
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pair-status")).to_contain_text("2 个判为匹配")
    assert service.asked == [{"pairs": [{"text0": PAIR[0], "text1": PAIR[1]}]}]
    assert page.locator("#pair-status").get_attribute("role") == "status"
    page.keyboard.type("！")
    expect(page.locator("#pair-status")).to_have_text("文本已改动，请重新打分。")
    expect(page.locator("#verdicts")).to_have_class("verdicts stale")


def test_an_example_is_filled_in_and_scored(page, service):
    page.get_by_role("button", name="同一事件").click()
    expect(page.locator("#pair-status")).to_contain_text("4 个标准中")
    assert page.locator("#text0").input_value() == service.asked[0]["pairs"][0]["text0"] != ""


def test_a_text_is_never_markup(page):
    texts = ('<img src=x onerror="window.ran = 1">', "<script>window.ran = 1</script>")
    score(page, *texts)
    expect(page.locator("#pair-status")).to_contain_text("4 个标准中")
    page.locator("#file").set_input_files(stage.upload("a<b>.csv", f"source,target\n{texts[1]},<b>粗</b>\n"))
    expect(page.locator("#preview td").nth(1)).to_have_text(texts[1])
    assert page.evaluate("window.ran") is None
    assert page.locator("main img, main script, td b").count() == 0


def test_other_task_sets_are_laid_out_by_what_implies_what(visit):
    tasks = [
        {"name": name, "title": title, "standard": name, "implies": implies, "threshold": 0.345, "budget": {"head": 1}}
        for name, title, implies in [("news", "news", None), ("all", "问句 全同", "some"), ("some", "问句 近似", None)]
    ]
    answer = {"probability": 0.3449, "threshold": 0.345, "match": False, "tokens": [1, 1], "cut": [0, 7]}
    decided = {"results": [{"tasks": {task["name"]: answer for task in tasks}}]}
    page = visit()
    page.route("**/v1/tasks", lambda route: route.fulfill(json={"model": "m", "tasks": tasks}))
    page.route("**/v1/decide", lambda route: route.fulfill(json=decided))
    page.reload()
    expect(page.locator("#model")).to_have_text("m")
    assert page.locator("#verdicts .standard").all_text_contents() == ["news", "近似 some", "全同 all"]
    assert page.locator("#verdicts h3").all_text_contents() == ["问句"]
    score(page, "甲", "乙" * 8)
    # With fewer digits both would read the same.
    expect(page.locator(".probability").first).to_have_text("0.3449")
    expect(page.locator(".threshold").first).to_have_text("阈值 0.3450")
    expect(page.locator("#verdicts .note").first).to_contain_text("略去结尾的 7 个")


def test_a_missing_text_is_asked_for(page, service):
    score(page, "有", "  ")
    expect(page.locator("#pair-status")).to_have_text("请填写文本二。")
    assert page.evaluate("document.activeElement.id") == "text1"
    assert page.locator("#text1").get_attribute("aria-invalid") == "true"
    assert service.asked == []


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "30"}, 30), ({}, 1)])
def test_a_busy_service_is_asked_again_when_it_says(visit, service, headers, seconds):
    page = visit(429)
    page.clock.install()
    service.refusals = [(429, headers)]
    score(page, *PAIR)
    expect(page.locator("#pair-status")).to_have_text(f"服务正忙，{seconds} 秒后再试…")
    page.clock.run_for(1000 * seconds - 500)
    assert service.asked == []
    page.clock.run_for(1000)
    expect(page.locator("#pair-status")).to_contain_text("2 个判为匹配")


def test_the_key_is_asked_for_and_kept_in_the_tab(visit, service):
    service.key = "secret"
    page = visit(401)
    expect(page.locator("#pair-status")).to_contain_text("服务要求 API 密钥")
    expect(page.get_by_label("密钥", exact=True)).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#pair-status")).to_contain_text("API 密钥不对")
    page.get_by_label("密钥", exact=True).fill("secret")
    page.keyboard.press("Enter")
    expect(page.locator("#model")).to_have_text("替身")
    score(page, *PAIR)
    expect(page.locator("#pair-status")).to_contain_text("2 个判为匹配")
    assert page.evaluate("[Object.values(sessionStorage), localStorage.length]") == [["secret"], 0]


def test_a_refusal_is_said_with_the_services_own_words(visit, service):
    meanings = {413: "文本太大，超过了服务的上限", 503: "服务暂时不可用", 504: "打分超时", 500: "内部出错"}
    page = visit(*meanings)
    for status, said in meanings.items():
        service.refusals = [(status, {})]
        score(page, *PAIR)
        expect(page.locator("#pair-status")).to_have_text(re.compile(f"{said}.*。not now。"))
    score(page, *PAIR)
    expect(page.locator("#pair-status")).to_contain_text("2 个判为匹配")


def test_a_service_that_is_gone_is_named(visit, service):
    page = visit(0)
    service.close()
    score(page, *PAIR)
    expect(page.locator("#pair-status")).to_contain_text("连不上服务")


def test_nothing_hangs_over_the_edge(page):
    score(page, "无" * 300 + "https://example.org/" + "a" * 300, "长")
    expect(page.locator("#pair-status")).to_contain_text("4 个标准中")
    page.locator("#file").set_input_files(stage.upload("长" * 60 + ".tsv", f"source\ttarget\n{'a' * 900}\t乙\n坏\n"))
    expect(page.locator("#preview td")).to_have_count(3)
    for width in (1280, 768, 390, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_and_every_field_has_a_label(page, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.locator("#access summary").click()
    score(page, *PAIR)
    page.locator("#file").set_input_files(stage.upload("a.csv", "source,target\n甲,乙\n坏\n"))
    expect(page.locator("#problems")).to_be_visible()
    seen = page.evaluate(stage.TEXT_COLORS)
    assert len(seen) > 40
    assert [found for found in seen if stage.contrast(found["color"], found["ground"]) < 4.5] == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (stage.luminance(paper) > 0.5) == (scheme == "light")
    unnamed = page.evaluate("[...document.querySelectorAll('input, textarea, select')].filter(e => !e.labels.length)")
    assert unnamed == []
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).transitionDuration") == "0s"


def test_the_files_hold_nothing_inline_and_nothing_from_elsewhere():
    files = {file.name: file.read_text("utf-8") for file in (resources.files("yanmo.assets") / "page").iterdir()}
    assert {"index.html", "page.css", "page.js"} <= set(files)
    for name, text in files.items():
        outside = [url for url in re.findall(r"https?://[^\s\"')]+", text) if url != "http://www.w3.org/2000/svg"]
        assert outside == [], name
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", files["index.html"])
    assert 'lang="zh-CN"' in files["index.html"]
    code = "".join(text for name, text in files.items() if name.endswith(".js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code)
    assert [pair for pair in KNOWN_PAIRS if f'["{pair[0]}", "{pair[1]}"]' not in files["rows.js"]] == []


def test_why_is_told_below_the_line_and_goes_with_the_next_text(page):
    asked = []
    why = {
        "match": True,
        "turns": True,
        "words": [{"side": 0, "start": 0, "end": 4, "text": "<b>巴塞"}],
        "share": 0.12,
        "probability_without": 0.2,
        "differences": [{"kind": "number", "title": "数字", "text0": "三", "text1": ""}],
    }

    def answer(route):
        asked.append(route.request.post_data_json)
        route.fulfill(json=why)

    page.route("**/v1/explain", answer)
    assert page.get_by_role("button", name="为什么").count() == 0
    score(page, *PAIR)
    found = line(page, "ssA")
    found.get_by_role("button", name="为什么").click()
    expect(found.locator(".because")).to_have_text(
        "去掉“<b>巴塞”（12 % 的字）就成了不匹配，概率 0.20。数字不同：三／无。"
    )
    assert asked == [{"text0": PAIR[0], "text1": PAIR[1], "task": "ssA"}]
    page.get_by_label("文本一", exact=True).fill("别的")
    expect(found.locator(".because")).to_be_hidden()
    expect(found.get_by_role("button", name="为什么")).to_be_hidden()
