"""The labelling page in a headless browser, over the real service: by keys alone, through a restart, by its looks."""

import csv
import importlib.util
import io
import itertools
import threading
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("page_stage", Path(__file__).with_name("page_stage.py"))
stage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage)
browser, expect = stage.browser, stage.expect

TEXTS = ["".join(each) for each in itertools.permutations("一丁七", 2)]
POOL = [(a, b) for i, a in enumerate(TEXTS) for b in TEXTS[i:]]


class Served:
    """The service with a labelling, in a thread of this process."""

    def __init__(self, matcher, path):
        import uvicorn

        from yanmo.serve.http.app import build_app
        from yanmo.serve.http.labelling import LabelService
        from yanmo.serve.http.log import RequestLog
        from yanmo.serve.http.server import bind, url_of
        from yanmo.standard.label.answers import Answers
        from yanmo.standard.label.session import Labelling

        self.answers = Answers(path)
        service = LabelService(Labelling.of(matcher, POOL, self.answers, task="同字"), asks="两段的字相同")
        app = build_app(matcher, model_name="overlap", log=RequestLog(io.StringIO()), labelling=service)
        self.socket = bind("127.0.0.1", 0)
        self.url = url_of(self.socket)
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()
        self.answers.close()


@pytest.fixture
def start(overlap_matcher, tmp_path):
    running = []

    def begin():
        while running:
            running.pop().stop()
        running.append(Served(overlap_matcher[0], tmp_path / "labelled.csv"))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


@pytest.fixture
def visit(browser):
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    complaints = []

    def go(url):
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/label.html")
        expect(page.locator("#task")).to_have_text("同字")
        return page

    yield go
    context.close()
    assert complaints == []


def rows(tmp_path):
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def press(page, key, n):
    page.keyboard.press(key)
    expect(page.locator("#counts")).to_contain_text(f"已标 {n} 对")


def test_by_keys_alone_through_a_restart(start, visit, tmp_path):
    page = visit(start().url)
    asked = (page.locator("#text0").inner_text(), page.locator("#text1").inner_text())
    press(page, "1", 1)
    assert rows(tmp_path) == [[*asked, "1"]]
    press(page, "n", 2)
    press(page, "u", 1)
    press(page, "0", 2)
    assert [row[2] for row in rows(tmp_path)] == ["1", "0"]
    before = page.locator("#counts").inner_text()
    page.keyboard.press("s")
    expect(page.locator("#counts")).not_to_have_text(before)
    page.close()
    page = visit(start().url)
    expect(page.locator("#counts")).to_contain_text("已标 2 对，其中 1 对匹配")


def test_to_the_end_of_the_pool_with_a_curve(start, visit, tmp_path):
    page = visit(start().url)
    for n in range(1, len(POOL) + 1):
        text0, text1 = page.locator("#text0").inner_text(), page.locator("#text1").inner_text()
        press(page, "1" if set(text0) == set(text1) else "0", n)
    expect(page.locator("#status")).to_have_text("这一批都标完了。")
    expect(page.get_by_role("button", name="不匹配")).to_be_disabled()
    expect(page.locator("#curve-caption")).to_contain_text("预计 F1")
    assert sorted(tuple(row[:2]) for row in rows(tmp_path)) == sorted(POOL)


def test_a_key_counts_also_while_the_page_looks_whether_learning_has_ended(start, visit):
    page = visit(start().url)
    page.clock.install()  # looks come when the test says so
    for n in range(1, 15):
        page.clock.run_for(1500)
        press(page, str(n % 2), n)


def test_what_a_text_says_never_becomes_markup_and_what_differs_is_marked(start, visit):
    page = visit(start().url)
    found = page.evaluate(
        """async () => {
          const [a, b] = ["<img src=x onerror=alert(1)>一", "二"];
          const headers = { "Content-Type": "application/json" };
          const answer = (state) => new Response(JSON.stringify(state), { headers });
          const state = await (await fetch("v1/label")).json();
          const real = window.fetch;
          window.fetch = async () => answer({ ...state, question: { place: 0, text0: a, text1: b } });
          document.dispatchEvent(new KeyboardEvent("keydown", { key: "s" }));
          await new Promise((done) => setTimeout(done, 200));
          window.fetch = real;
          return [document.getElementById("text0").textContent, document.querySelectorAll("#text0 img").length,
            [...document.querySelectorAll("#text1 mark")].map((mark) => mark.textContent)];
        }"""
    )
    assert found == ["<img src=x onerror=alert(1)>一", 0, ["二"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read(start, visit, scheme):
    page = visit(start().url)
    page.emulate_media(color_scheme=scheme)
    for each in page.evaluate(stage.TEXT_COLORS):
        assert stage.contrast(each["color"], each["ground"]) >= 4.5, each


def test_nothing_runs_out_of_a_narrow_screen(start, visit):
    page = visit(start().url)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
