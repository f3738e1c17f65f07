from rich.console import Console

from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher


def test_states_of_another_attention_are_kept_apart(tiny_base, two_tasks, make_pairs, tmp_path):
    """The weights are the same, so that states of softmax would be taken for those of Taylor attention."""
    shared = ["architecture.layout=sides", "architecture.joint_from=2", "architecture.conditional_from=1"]
    shared += ["frozen_layers=1", "max_tokens=80", "n_epochs=0.5", "report_to=[]", "n_checkpoints=1", "n_evaluations=1"]
    for attention in ("softmax", "taylor2"):
        train_matcher(
            make_pairs(12, seed=1),
            make_pairs(9, seed=2),
            task_set=two_tasks,
            base=tiny_base,
            out=tmp_path / attention,
            config=load_train_config(None, overrides=[*shared, f"architecture.attention={attention}"]),
            frozen_cache=tmp_path / "cache",
            console=Console(quiet=True),
        )
    (softmax,) = (tmp_path / "cache").glob("*.f16")
    (taylor,) = (tmp_path / "cache" / "taylor2").glob("*.f16")
    assert softmax.name == taylor.name
    assert softmax.stat().st_size == taylor.stat().st_size > 0
