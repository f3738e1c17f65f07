"""What the page's tests stand on: a browser, the stand-in service, and the reading of colors."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("page_service", Path(__file__).with_name("page_service.py"))
stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

# Every element with text of its own: its color, and the nearest ground behind it that is painted.
TEXT_COLORS = """() => {
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const painted = (e) => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if (c !== "rgba(0, 0, 0, 0)") return c; } };
  const found = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility() && own(e) && !e.disabled)
    .map((e) => ({ text: e.textContent, color: getComputedStyle(e).color, ground: painted(e) }));
  const fields = [...document.querySelectorAll("textarea")].flatMap((e) => [null, "::placeholder"].map((part) =>
    ({ text: e.id + part, color: getComputedStyle(e, part).color, ground: painted(e) })));
  return [...found, ...fields];
}"""


def luminance(color):
    """WCAG 2 relative luminance of ``rgb(r, g, b)``."""
    channels = [int(value) / 255 for value in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", color).groups()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(color, ground):
    """WCAG 2 contrast of two colors, from 1 to 21."""
    dark, light = sorted((luminance(color), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def upload(name, content):
    data = content if isinstance(content, bytes) else content.encode()
    return {"name": name, "mimeType": "text/plain", "buffer": data}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            # Without a sandbox, for tests are often run as root in a container; the pages are our own.
            found = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium here: {error.message.splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture
def service():
    served = stand_in.StandIn()
    yield served
    served.close()


@pytest.fixture
def visit(browser, service):
    """Opens the page; afterwards its console must hold nothing but the failed requests that were announced."""
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(5000)
    complaints = []

    def go(*statuses):
        page = context.new_page()

        def told(message):
            failed = re.match(r"Failed to load resource: .*?(status of (\d+)|ERR_)", message.text)
            if not (failed and int(failed.group(2) or 0) in statuses) and message.type in ("error", "warning"):
                complaints.append(message.text)

        page.on("console", told)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(service.url)
        expect(page.locator("#model")).to_have_text("载入中…" if service.key else "替身")
        return page

    yield go
    context.close()
    assert complaints == []


@pytest.fixture
def page(visit):
    return visit()
