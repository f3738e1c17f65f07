import shutil
import socket
from importlib.resources import files

import pytest
import typer
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.commands.serve import serve
from yanmo.serve.http.server import bind, url_of
from yanmo.serve.http.settings import ServiceSettings, read_api_key, refuse_open_door


def _serve(*words, key=None):
    app = typer.Typer()
    app.command()(serve)
    found = CliRunner().invoke(app, list(words), env={"YANMO_API_KEY": key})
    return found.exception


def test_a_corrupt_model_is_refused_before_anything_listens(tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    shutil.copytree(str(files("yanmo.assets") / "default"), folder)
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:100_000])
    monkeypatch.setattr(socket.socket, "listen", lambda *_: pytest.fail("it listens"))
    for words in ("model.onnx: has 100,000 bytes, files.json says", "model.onnx: cannot be loaded as an ONNX graph"):
        error = _serve(str(folder), "--port", "0", "--threads", "1")
        assert isinstance(error, InputError)
        assert words in str(error)
        (folder / "files.json").unlink(missing_ok=True)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    error = _serve(str(tmp_path), "--port", "0")
    assert isinstance(error, InputError)
    assert "matching.json" in str(error)


def test_a_taken_port_is_refused_before_the_model_is_loaded(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = _serve(str(tmp_path), "--port", str(port))
    assert isinstance(error, InputError)
    assert f"cannot listen at 127.0.0.1 port {port}" in str(error)
    assert "--port" in str(error)


def test_an_unknown_task_is_refused():
    error = _serve("default", "--port", "0", "--task", "xx", "--threads", "1")
    assert isinstance(error, InputError)
    assert "unknown task 'xx'" in str(error)


def test_two_tasks_for_rankings_are_refused_before_anything_is_opened():
    error = _serve("default", "--port", "0", "--task", "ssA", "--task", "ssB")
    assert isinstance(error, InputError)
    assert "--task names ssA and ssB, and takes one task. Fix: name the one for rankings" in str(error)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_let_in_only_with_a_key(host):
    with pytest.raises(InputError, match=r"other machines.*YANMO_API_KEY"):
        refuse_open_door(host, None)
    refuse_open_door(host, b"s3cret")
    refuse_open_door("127.0.0.2", None)
    refuse_open_door("::1", None)
    assert "other machines" in str(_serve("default", "--host", "0.0.0.0", "--port", "0"))


@pytest.mark.parametrize("key", ["", "two words", "钥匙", "line\n"])
def test_a_key_that_no_header_can_carry_is_refused(key):
    with pytest.raises(InputError, match="YANMO_API_KEY is"):
        read_api_key({"YANMO_API_KEY": key})


def test_an_address_that_is_not_of_this_machine_is_refused():
    for host in ("192.0.2.1", "no such host.invalid"):
        with pytest.raises(InputError, match="Fix: "):
            bind(host, 0)


def test_a_free_port_is_told():
    with bind("127.0.0.1", 0) as bound:
        assert url_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize("wrong", [{"timeout": float("nan")}, {"timeout": 0}, {"max_pairs": 0}, {"max_pair": 1}])
def test_limits_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ServiceSettings(**wrong)
