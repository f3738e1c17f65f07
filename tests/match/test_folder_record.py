import hashlib
import json

import pytest

from yanmo.errors import InputError
from yanmo.match import Matcher
from yanmo.match.engines.onnx_engine import OnnxEngine
from yanmo.match.engines.openvino_engine import OpenVinoEngine
from yanmo.match.engines.torch_engine import TorchEngine
from yanmo.match.folder import ENGINE_FILES
from yanmo.match.folder_record import check_files

PAIRS = [("今天", "天气"), ("我们", "公园")]


@pytest.fixture
def folder(tiny_matcher, tmp_path):
    tiny_matcher().save_pretrained(tmp_path / "m")
    return tmp_path / "m"


def test_every_file_is_listed_with_what_it_holds(folder):
    listed = json.loads((folder / "files.json").read_text())["files"]
    assert set(listed) == {path.name for path in folder.iterdir()} - {"files.json"}
    assert {"model.safetensors", "config.json", "matching.json", "vocab.txt"} <= set(listed)
    for name, said in listed.items():
        content = (folder / name).read_bytes()
        assert said == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("name", ["config.json", "matching.json", "vocab.txt", "model.safetensors"])
@pytest.mark.parametrize("how", ["missing", "longer", "changed"])
def test_a_file_that_is_another_is_refused_by_name(folder, name, how):
    path = folder / name
    content = path.read_bytes()
    # The tensors' bytes stand last in safetensors; in the others the last line feed may go.
    changed = content[:-1] + bytes([content[-1] ^ 4 if name.endswith("tensors") else 32])
    {
        "missing": path.unlink,
        "longer": lambda: path.write_bytes(content + b" "),
        "changed": lambda: path.write_bytes(changed),
    }[how]()
    with pytest.raises(InputError, match=rf"{name}: (is missing|has|is not the file|cannot be read)"):
        check_files(folder, with_weights=True)
    if (name, how) != ("model.safetensors", "changed"):
        with pytest.raises(InputError, match=name):
            Matcher.from_pretrained(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "special_tokens_map.json", "learned.json"])
def test_a_file_that_has_come_to_those_that_are_read_is_refused(folder, name):
    """It would go before what was written, as torch's weights go before a graph, or be mixed with it."""
    (folder / name).write_text("{}")
    for check in (check_files, Matcher.from_pretrained):
        with pytest.raises(InputError, match=rf"{name}: is none of the files that files\.json lists"):
            check(folder)
    (folder / name).unlink()
    (folder / "notes.txt").write_text("mine")
    assert check_files(folder) == len(json.loads((folder / "files.json").read_text())["files"])


def test_a_folder_without_the_list_loads_as_before_and_pages_may_be_edited(folder):
    before = Matcher.from_pretrained(folder).score(PAIRS, task="loose")
    (folder / "README.md").write_text("# mine")
    assert Matcher.from_pretrained(folder).score(PAIRS, task="loose").tolist() == before.tolist()
    (folder / "files.json").unlink()
    (folder / "config.json").write_bytes((folder / "config.json").read_bytes() + b"\n")
    assert check_files(folder) == 0
    assert Matcher.from_pretrained(folder).score(PAIRS, task="loose").tolist() == before.tolist()


def test_a_list_that_leads_out_of_the_folder_is_refused(folder):
    (folder / "files.json").write_text(json.dumps({"files": {"../x": {"size": 0, "sha256": "0" * 64}}}))
    (folder.parent / "x").write_bytes(b"")
    with pytest.raises(InputError, match=r"files\.json lists it"):
        check_files(folder)


def test_an_export_is_listed_too(exported):
    _, folder = exported
    assert set(json.loads((folder / "files.json").read_text())["files"]) == {path.name for path in folder.iterdir()} - {
        "files.json"
    }
    assert check_files(folder, with_weights=True)


def test_the_hub_gives_every_engine_its_files(folder, monkeypatch, tmp_path):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    asked = {}

    def snapshot_download(repo_id, *, revision, allow_patterns):
        asked[repo_id] = allow_patterns
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert Matcher.from_pretrained("somebody/matcher").score(PAIRS, task="loose").shape == (2,)
    for engine in (TorchEngine, OnnxEngine, OpenVinoEngine):
        assert set(engine.files_in_folder) <= set(ENGINE_FILES) <= set(asked["somebody/matcher"])
    assert {"openvino_model.xml", "openvino_model.bin", "*.json", "*.txt"} <= set(asked["somebody/matcher"])


def test_weights_that_are_no_numbers_are_refused_when_they_score(tiny_matcher, tmp_path):
    matcher = tiny_matcher()
    matcher.engine.classifier.task_bias.data[1] = float("nan")
    with pytest.raises(InputError, match="pair 0 scores nan under task 'strict'"):
        matcher.score_all(PAIRS)
    tiny_matcher().save_pretrained(tmp_path / "model")
    loaded = Matcher.from_pretrained(tmp_path / "model")
    loaded.engine.classifier.task_bias.data[1] = float("nan")
    with pytest.raises(InputError, match=f"{tmp_path}/model: pair 0 .* yanmo doctor model {tmp_path}/model"):
        loaded.score_all(PAIRS)


def test_an_identity_is_of_the_weights_not_the_folder(tiny_matcher, folder, exported):
    first, again = tiny_matcher().identity(), Matcher.from_pretrained(folder).identity()
    assert first == again
    other = tiny_matcher()
    other.engine.classifier.task_bias.data[0] += 1
    assert other.identity().weights != first.weights
    assert other.identity().tokenizer == first.tokenizer
    graph = Matcher.from_pretrained(exported[1]).identity()
    assert graph.engine.startswith("onnxruntime ")
    assert (graph.weights != first.weights, graph.tokenizer) == (True, first.tokenizer)
