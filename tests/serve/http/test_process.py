"""The service as its users run it: a process, real connections, a signal."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import typer

pytest.importorskip("uvicorn")

_RUN = """
import sys
import typer
from yanmo.errors import YanmoError
from yanmo.serve.commands.serve import serve
app = typer.Typer()
app.command()(serve)
try:
    app()
except YanmoError as error:
    sys.exit(str(error))
"""
ASKED = json.dumps({"pairs": [{"text0": "巴萨获胜", "text1": "巴塞罗那赢球"}], "tasks": ["ssA"]}).encode()


def _start(*words, key=None):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("YANMO_API_KEY", None)
    if key is not None:
        environment["YANMO_API_KEY"] = key
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_a_signal_under_load_loses_no_accepted_request():
    service = _start("default", "--port", "0", "--threads", "1")
    try:
        lines = [json.loads(service.stdout.readline())]
        assert lines[0]["event"] == "listening"
        port = int(lines[0]["url"].rpartition(":")[2])
        reader = threading.Thread(target=lambda: lines.extend(map(json.loads, service.stdout)))
        reader.start()
        outcomes = []

        def ask():
            headers = {"Content-Type": "application/json"}
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                while True:
                    try:
                        connection.request("POST", "/v1/score", body=ASKED, headers=headers)
                        reply = connection.getresponse()
                    except ConnectionError:
                        # Not accepted: the service had closed the door, and has no line of it either.
                        return
                    answer = json.loads(reply.read())
                    names = [*answer["results"][0]["scores"]] if reply.status == 200 else []
                    outcomes.append((reply.status, *names))
                    if reply.status == 429:  # told to come again, on a machine that has other work
                        time.sleep(0.1)

        clients = [threading.Thread(target=ask) for _ in range(16)]
        for client in clients:
            client.start()
        end = time.monotonic() + 60
        while outcomes.count((200, "ssA")) < 40 and time.monotonic() < end:
            time.sleep(0.02)
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
        for thread in (*clients, reader):
            thread.join(60)
            assert not thread.is_alive()
    finally:
        service.kill()
        service.stdout.close()
        service.stderr.close()
    assert outcomes.count((200, "ssA")) >= 40
    assert {*outcomes} <= {(200, "ssA"), (429,)}
    # Every request that the service took up is one that its client saw answered.
    answered = [line for line in lines if "route" in line]
    assert sorted(line["status"] for line in answered) == sorted(status for status, *_ in outcomes)
    assert lines[-1]["event"] == "stopped"
    assert not any("巴" in str(line) for line in lines)


def test_who_sends_too_much_reads_why():
    """A connection that is closed while the client still sends is an error of the connection to it, not an answer."""
    service = _start("default", "--port", "0", "--threads", "1")
    try:
        url = json.loads(service.stdout.readline())["url"]
        with closing(http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=10)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/score", body=b" " * 12_000_000, headers=headers)
            reply = connection.getresponse()
            assert (reply.status, json.loads(reply.read())["error"]["message"]) == (
                413,
                "the body has more than 8,000,000 bytes",
            )
    finally:
        service.terminate()
        service.communicate(timeout=10)


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--timeout", "inf", "--timeout"),
        ("--timeout", "nan", "--timeout"),
        ("--timeout", "1e300", "--timeout"),
        ("--max-body-mb", "inf", "--max-body-mb"),
        ("--max-body-mb", "nan", "--max-body-mb"),
        ("--max-body-mb", "1e-320", "--max-body-mb"),
    ],
)
def test_a_number_that_is_no_limit_is_refused_in_one_sentence(option, value, named, monkeypatch):
    from typer.testing import CliRunner

    from yanmo.errors import InputError
    from yanmo.serve.commands.serve import serve

    monkeypatch.delenv("YANMO_API_KEY", raising=False)
    app = typer.Typer()
    app.command()(serve)
    found = CliRunner().invoke(app, ["default", "--port", "0", option, value])
    assert found.exit_code != 0
    told = str(found.exception) if isinstance(found.exception, InputError) else found.output
    assert named in told
    assert isinstance(found.exception, InputError | SystemExit)


def test_importing_and_building_the_service_imports_no_torch():
    program = """
import sys
from yanmo.match import Matcher
import yanmo.serve.commands.serve, yanmo.serve.http.server
from yanmo.serve.http.app import build_app
from yanmo.serve.http.log import RequestLog
from yanmo.serve.http.warm_up import warm_up
matcher = Matcher.default(n_threads=1)
warm_up(matcher, name="default")
build_app(matcher, model_name="default", log=RequestLog(sys.stdout))
print([name for name in ("torch", "transformers", "matplotlib", "jaxtyping") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
