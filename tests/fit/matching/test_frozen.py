import shutil

import pytest
import torch

from yanmo.encode import load_encoder
from yanmo.errors import InputError
from yanmo.fit.matching.frozen import compute_states
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairBudget, PairEncoder, PairLayout, load_tokenizer

PAIRS = [("今天天气不错", "天气"), ("我们去公园", "今天天气不错"), ("学生" * 9, "球队赢了"), ("", "比赛")]


@pytest.fixture
def encoded(tiny_base):
    encoder = PairEncoder(load_tokenizer(tiny_base), layout=PairLayout.SIDES)
    return encoder.encode_batch(PAIRS, budgets=PairBudget(12, 12))


def test_states_are_those_of_the_whole_pair(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    encoder = loaded.encoder.eval()
    states = compute_states(encoder, encoded, config=loaded.config, n_layers=2, folder=tmp_path, max_tokens=20)
    batch = collate(encoded, pad_id=loaded.config.pad_id)
    with torch.no_grad():
        whole = encoder.run(encoder.embed(batch, None), batch, None, first=0, last=2)
    # float16 keeps 11 bits.
    torch.testing.assert_close(states.gather(encoded)[batch.mask], whole[batch.mask], atol=4e-3, rtol=1e-3)


def test_each_distinct_text_is_computed_once(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    totals = set()
    compute_states(
        loaded.encoder,
        encoded,
        config=loaded.config,
        n_layers=1,
        folder=tmp_path,
        on_progress=lambda done, total: totals.add(total),
    )
    texts = {text for pair in PAIRS for text in pair}
    assert totals == {sum(min(len(text), 10) + 2 for text in texts) + 6}  # its partner lends the long text 6


def test_a_killed_computation_goes_on_where_it_stopped(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    arguments = {"config": loaded.config, "n_layers": 2, "max_tokens": 20}

    def stop(done, total):
        if done > total // 2:
            raise KeyboardInterrupt

    whole = compute_states(loaded.encoder, encoded, folder=tmp_path / "a", **arguments)
    with pytest.raises(KeyboardInterrupt):
        compute_states(loaded.encoder, encoded, folder=tmp_path / "b", on_progress=stop, **arguments)
    for file in (tmp_path / "b").iterdir():
        with file.open("ab") as out:
            out.write(b"torn")
    seen = []
    again = compute_states(
        loaded.encoder, encoded, folder=tmp_path / "b", on_progress=lambda d, t: seen.append(d / t), **arguments
    )
    assert min(seen) > 0.5
    assert torch.equal(whole.gather(encoded), again.gather(encoded))


def test_other_weights_get_another_file(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    for _ in range(2):
        compute_states(loaded.encoder, encoded, config=loaded.config, n_layers=1, folder=tmp_path)
        with torch.no_grad():
            loaded.encoder.blocks[0].attention_norm.weight += 1
    assert len(list(tmp_path.glob("*.f16"))) == 2


def test_another_run_computes_only_what_is_new(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    arguments = {"config": loaded.config, "n_layers": 2, "folder": tmp_path}
    few = compute_states(loaded.encoder, encoded[:2], **arguments)
    seen = []
    whole = compute_states(loaded.encoder, encoded, on_progress=lambda done, _: seen.append(done), **arguments)
    (file,) = tmp_path.glob("*.f16")
    n_tokens = file.stat().st_size / loaded.config.width / 2
    assert seen[-1] == n_tokens
    assert torch.equal(few.gather(encoded[:2]), whole.gather(encoded[:2]))
    again = []
    compute_states(loaded.encoder, encoded, on_progress=lambda *_: again.append(1), **arguments)
    assert not again


def test_two_runs_at_once_are_refused(tiny_base, encoded, tmp_path):
    loaded = load_encoder(tiny_base, joint_from=2)
    arguments = {"config": loaded.config, "n_layers": 2, "folder": tmp_path}

    def meanwhile(done, total):
        with pytest.raises(InputError, match="another run"):
            compute_states(loaded.encoder, encoded, **arguments)

    compute_states(loaded.encoder, encoded, on_progress=meanwhile, **arguments)


def test_no_room_on_the_disk_is_said_before_the_work(tiny_base, encoded, tmp_path, monkeypatch):
    loaded = load_encoder(tiny_base, joint_from=2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 10))
    with pytest.raises(InputError, match="frozen_layers to 0"):
        compute_states(loaded.encoder, encoded, config=loaded.config, n_layers=1, folder=tmp_path)
