"""A stand-in for the service behind the page: its files, its two addresses, and answers anyone can work out."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

TITLES = {
    "ssA": "短短·宽松（同一话题）",
    "ssB": "短短·严格（同一事件）",
    "slA": "短长·宽松（同一话题）",
    "slB": "短长·严格（同一事件）",
}
THRESHOLDS = {"ssA": 0.31, "ssB": 0.34, "slA": 0.5, "slB": 0.5}
BUDGET = 20
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'"


def tasks():
    return [
        {
            "name": name,
            "title": title,
            "standard": name[-1],
            "implies": name[:-1] + "A" if name.endswith("B") else None,
            "threshold": THRESHOLDS[name],
            "budget": {"left": BUDGET, "right": BUDGET, "head": 0.75},
        }
        for name, title in TITLES.items()
    ]


def probability(task, text0, text1):
    """Loose: the share of characters in common; strict: its square."""
    a, b = set(text0), set(text1)
    loose = len(a & b) / max(len(a | b), 1)
    return loose**2 if task.endswith("B") else loose


def decision(task, text0, text1):
    value, seen = probability(task, text0, text1), [min(len(text), BUDGET) for text in (text0, text1)]
    return {
        "probability": value,
        "threshold": THRESHOLDS[task],
        "match": value >= THRESHOLDS[task],
        "tokens": seen,
        "cut": [len(text0) - seen[0], len(text1) - seen[1]],
    }


class StandIn:
    """Serves until closed.

    Attributes:
        key: API key asked for; None asks for none.
        refusals: Answers (status, headers) given to the next scoring requests in place of results.
        too_long: Requests with a text of more characters get 413.
        asked: Bodies of the scoring requests that were answered with results.
    """

    def __init__(self):
        self.key, self.refusals, self.too_long, self.asked = None, [], 10**9, []
        self.gate = threading.Event()
        self.gate.set()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/v1/tasks":
                    stand_in.reply_tasks(self)
                    return
                name = self.path.lstrip("/") or "index.html"
                file = resources.files("yanmo.assets") / "page" / name
                if not file.is_file():
                    stand_in.send(self, 404, {"error": {"message": "nothing here", "fix": None}})
                    return
                kind = TYPES[name.rsplit(".", 1)[1]]
                stand_in.send_bytes(
                    self, 200, file.read_bytes(), {"Content-Type": kind, "Content-Security-Policy": POLICY}
                )

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in.reply_decisions(self, body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def reply_tasks(self, handler):
        if self.allows(handler):
            self.send(handler, 200, {"model": "替身", "tasks": tasks()})

    def reply_decisions(self, handler, body):
        if not self.allows(handler):
            return
        self.gate.wait(10)
        if self.refusals:
            status, headers = self.refusals.pop(0)
            self.send(handler, status, {"error": {"message": "not now", "fix": None}}, headers)
            return
        if any(len(text) > self.too_long for pair in body["pairs"] for text in pair.values()):
            self.send(handler, 413, {"error": {"message": "a text is too long", "fix": "shorten it"}})
            return
        self.asked.append(body)
        names = body.get("tasks", list(TITLES))
        results = [
            {"tasks": {name: decision(name, pair["text0"], pair["text1"]) for name in names}} for pair in body["pairs"]
        ]
        self.send(handler, 200, {"model": "替身", "results": results})

    def allows(self, handler):
        if self.key is None or handler.headers.get("Authorization") == f"Bearer {self.key}":
            return True
        self.send(handler, 401, {"error": {"message": "the key is missing or wrong", "fix": None}})
        return False

    def send(self, handler, status, answer, headers=None):
        content = json.dumps(answer).encode()
        self.send_bytes(handler, status, content, {"Content-Type": "application/json", **(headers or {})})

    @staticmethod
    def send_bytes(handler, status, content, headers):
        try:
            handler.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass
