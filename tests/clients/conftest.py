"""The service, in the environment of Yanmo, for clients in an environment of theirs."""

import json
import os
import subprocess
from contextlib import ExitStack

import pytest


@pytest.fixture(scope="session")
def start():
    """Starts ``yanmo serve default`` and gives its address; YANMO names the command."""

    def begin(key=None):
        environment = {name: value for name, value in os.environ.items() if name != "YANMO_API_KEY"}
        if key is not None:
            environment["YANMO_API_KEY"] = key
        process = subprocess.Popen(
            [os.environ["YANMO"], "serve", "default", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,  # a line a request: all of them fit into the pipe
            text=True,
            encoding="utf-8",
        )
        running.callback(process.communicate, timeout=60)
        running.callback(process.terminate)
        return json.loads(process.stdout.readline())["url"]

    with ExitStack() as running:
        yield begin


@pytest.fixture(scope="session")
def service(start):
    """The address of a service that asks for no key."""
    return start()
