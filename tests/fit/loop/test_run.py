"""What all three families owe to one loop: whose folder it is, who may write to it, and what is left in it."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from yanmo.errors import InputError
from yanmo.fit.loop.progress import TrainingProgress
from yanmo.fit.loop.run_folder import check_same_run
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.fit.pretraining.config import load_pretrain_config
from yanmo.fit.pretraining.run import pretrain
from yanmo.fit.vectors.config import load_vector_config
from yanmo.fit.vectors.run import train_vectors

FINISHED = {"matching": "matching.json", "pretraining": "pretraining.json", "vectors": "vectors.json"}
MATCHING = ["max_tokens=60", "n_epochs=0.4", "n_evaluations=3"]
PRETRAINING = ["max_length=24", "max_tokens=60", "accumulation=1", "n_epochs=0.4", "heldout_share=0", "n_evaluations=3"]
VECTORS = ["batch_size=8", "n_steps=3", "max_length=24", "n_checkpoints=3", "heads.predictor_width=8"]
SETTINGS = {"matching": MATCHING, "pretraining": PRETRAINING, "vectors": VECTORS}


@pytest.fixture(params=list(FINISHED))
def family(request):
    return request.param


@pytest.fixture
def run(family, tiny_base, two_tasks, make_pairs, tmp_path):
    """A tiny run of the family; each call may differ from the one before."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("今天天气不错\n我们去公园\n学生球队赢了\n昨晚输了比赛\n" * 10, encoding="utf-8")

    def start(out, *overrides, base=tiny_base, resume=False):
        settings = ["report_to=[]", *SETTINGS[family], *overrides]
        if family == "matching":
            config = load_train_config(None, overrides=settings)
            pairs = make_pairs(12, seed=1)
            return train_matcher(pairs, {}, task_set=two_tasks, base=base, out=out, config=config, resume=resume)
        if family == "pretraining":
            config = load_pretrain_config(None, overrides=settings)
            return pretrain([corpus], base=base, out=out, config=config, resume=resume)
        config = load_vector_config(None, overrides=settings)
        return train_vectors([corpus], base=base, out=out, config=config, resume=resume)

    return start


@pytest.fixture
def killed(run, tmp_path):
    """The folder of a run that was killed behind its first checkpoint."""
    _interrupted(run, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")]
    return tmp_path / "run"


def _interrupted(run, out, then=None):
    """Ends a run at its second step, after doing something there."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 2:
            if then is not None:
                then()
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingProgress, "on_step_end", on_step_end)
        with pytest.raises(KeyboardInterrupt):
            run(out)


def _content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _with_other_weights(base, folder):
    shutil.copytree(base, folder)
    tensors = load_file(base / "model.safetensors")
    name = next(name for name in tensors if name.endswith("layer.0.output.dense.weight"))
    tensors[name] = tensors[name] + 0.01
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_run_is_not_gone_on_with_from_another_base(run, killed, tiny_base, tmp_path):
    before = _content(tmp_path)
    other = _with_other_weights(tiny_base, tmp_path / "other")
    with pytest.raises(InputError, match=r"started with another base \(weights.* Fix: go on with what it was"):
        run(killed, base=other, resume=True)
    shutil.rmtree(other)
    assert _content(tmp_path) == before


def test_a_copy_of_the_base_is_the_same_base(run, family, killed, tiny_base, tmp_path):
    shutil.copytree(tiny_base, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("a card")
    run(killed, base=tmp_path / "copy", resume=True)
    assert (killed / FINISHED[family]).exists()


def test_what_differs_is_said_in_words(run, killed):
    with pytest.raises(InputError, match=r"started with other settings \(seed 0, now 1\)\. Fix"):
        run(killed, "seed=1", resume=True)
    record = json.loads((killed / "run.json").read_text(encoding="utf-8"))
    names = set(record) - {"origin", "environment", "config"}
    with pytest.raises(InputError) as refused:
        check_same_run(killed, record | dict.fromkeys(names, "other"))
    # No name of a key: every one has its words.
    assert not [name for name in names if "_" in name and name in str(refused.value)]
    assert str(refused.value).count("other ") == len(names)


def test_a_second_run_into_the_folder_is_refused_while_the_first_goes_on(run, tmp_path):
    said = []

    def second():
        for resume in (False, True):
            with pytest.raises(InputError, match="another run is going on in this folder") as refused:
                run(tmp_path / "run", resume=resume)
            said.append(refused)

    _interrupted(run, tmp_path / "run", then=second)
    assert len(said) == 2
    run(tmp_path / "run", resume=True)  # the first one has let go


def test_a_lock_that_a_kill_left_holds_nobody_up(run, family, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / ".lock").touch()
    (out / ".run.json.yanmo-abcd_123").mkdir()  # killed while it wrote its record
    run(out)
    assert (out / FINISHED[family]).exists()
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]


def test_what_a_killed_run_left_is_cleared_by_going_on(run, family, killed):
    (killed / ".model.safetensors.yanmo-abcd_123").mkdir()
    (killed / ".model.safetensors.yanmo-abcd_123" / "model.safetensors").write_bytes(b"half")
    (killed / ".gitignore").write_text("*")  # somebody's own
    run(killed, resume=True)
    assert {path.name for path in killed.iterdir() if path.name.startswith(".")} == {".gitignore"}


def test_a_kill_in_the_last_clean_up_is_made_good_by_resume(run, family, tmp_path):
    out = tmp_path / "run"
    run(out)
    expected = _content(tmp_path)
    (out / "checkpoint-3").mkdir()
    (out / "checkpoint-3" / "optimizer.pt").write_bytes(b"large")
    elsewhere = {"matching": out / "frozen", "pretraining": tmp_path / "run.tokens"}.get(family)
    if elsewhere is not None:
        elsewhere.mkdir()
        (elsewhere / "large").write_bytes(b"large")
    with pytest.raises(InputError, match="the run is finished"):
        run(out, resume=True)
    assert _content(tmp_path) == expected
    assert not list(out.glob("checkpoint-*"))


def test_a_new_run_that_is_refused_leaves_no_folder_and_one_that_goes_on_keeps_its_own(run, tiny_base, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="cannot keep 9 of 3 layers"):
        run(out, "n_layers=9")
    assert not out.exists()
    out.mkdir()
    with pytest.raises(InputError, match="cannot keep 9 of 3 layers"):
        run(out, "n_layers=9")
    assert list(out.iterdir()) == []  # a folder that was there stays
    _interrupted(run, out)
    shutil.rmtree(next(out.glob("checkpoint-*")))
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    shutil.copy(tiny_base / "config.json", damaged)  # its weights are missing
    with pytest.raises(InputError, match="another base"):
        run(out, base=damaged, resume=True)
    assert (out / "run.json").exists()


def test_a_folder_of_something_else_is_not_touched(run, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    for resume, message in ((False, r"not empty.*--resume"), (True, "holds no run")):
        with pytest.raises(InputError, match=message):
            run(out, resume=resume)
        assert [path.name for path in out.iterdir()] == ["thesis.txt"]
