import io
import json
from contextlib import ExitStack

import pytest


@pytest.fixture
def http_service(overlap_matcher):
    """Starts the HTTP service in this process, around the overlap matcher or another; gives clients of it."""
    testclient = pytest.importorskip("starlette.testclient")
    from yanmo.serve.http.app import build_app
    from yanmo.serve.http.log import RequestLog
    from yanmo.serve.http.settings import ServiceSettings

    with ExitStack() as stack:

        def start(matcher=overlap_matcher[0], *, key=None, task=None, **limits):
            log = io.StringIO()
            app = build_app(
                matcher,
                model_name="overlap",
                log=RequestLog(log),
                settings=ServiceSettings(**limits),
                default_task=task,
                api_key=key,
            )
            client = stack.enter_context(testclient.TestClient(app, raise_server_exceptions=False))
            client.log_lines = lambda: [json.loads(line) for line in log.getvalue().splitlines()]
            return client

        yield start
