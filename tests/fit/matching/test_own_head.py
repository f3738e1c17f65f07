import io
import json

import pytest
import transformers
from rich.console import Console

from yanmo.data.tasks import Task, TaskSet
from yanmo.errors import InputError
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.own_head import settle_head
from yanmo.fit.matching.run import train_matcher
from yanmo.match import HeadKind

BERT = "BertForSequenceClassification"


def _settled(base, *overrides):
    return settle_head(base, load_train_config(None, overrides=overrides))


def test_the_head_of_a_cross_encoder_is_taken_over_and_its_settings_chosen(cross_encoder):
    config, note = _settled(cross_encoder(BERT), "n_epochs=2", "architecture.condition_width=8")
    own = config.architecture
    assert (own.head, own.layout.value, own.joint_from) == (HeadKind.CLASSIFICATION, "joint", 0)
    assert (own.condition_width, config.n_epochs) == (8, 2)
    assert BERT in note


def test_an_encoder_settles_nothing(tiny_base):
    config = load_train_config(None)
    assert settle_head(tiny_base, config) == (config, "")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["architecture.layout=sides", "architecture.joint_from=2"],
            r"but architecture.layout is sides and architecture.joint_from is 2. Fix: --set architecture.layout=joint "
            r"--set architecture.joint_from=0, or --set architecture.head=interaction to start from its encoder alone",
        ),
        (["n_layers=2"], r"but n_layers is 2. Fix: --set n_layers=null"),
        (["architecture.attention=taylor2"], r"--set architecture.attention=softmax"),
        (["architecture.side_vectors=true"], r"side_vectors is true. Fix: --set architecture.side_vectors=false"),
    ],
)
def test_settings_that_do_not_fit_are_told_how_to_be_set(cross_encoder, overrides, message):
    base = cross_encoder(BERT)
    with pytest.raises(InputError, match=message):
        _settled(base, *overrides)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"num_labels": 2}, r"2 logits \(LABEL_0, LABEL_1\)"),
        (
            {"id2label": {0: "contradiction", 1: "entailment", 2: "neutral"}, "num_labels": 3},
            r"3 logits \(contradiction, entailment, neutral\)",
        ),
        ({"num_labels": 9}, r"9 logits \(LABEL_0, LABEL_1, LABEL_2, LABEL_3, LABEL_4, …\)"),
    ],
)
def test_several_logits_are_refused_unless_the_encoder_alone_is_asked_for(cross_encoder, labels, said):
    base = cross_encoder("XLMRobertaForSequenceClassification", **labels)
    with pytest.raises(InputError, match=rf"{said}, and which of them is a match is not known.*classifier.out_proj"):
        _settled(base)
    config, note = _settled(base, "architecture.head=interaction")
    assert config.architecture.head is HeadKind.INTERACTION
    assert "没有用上" in note


def test_a_head_of_another_form_is_refused_by_name(cross_encoder):
    base = cross_encoder("RoFormerForSequenceClassification", embedding_size=16)
    message = r"head of RoFormerForSequenceClassification is of a form.*--set architecture.head=interaction"
    with pytest.raises(InputError, match=message):
        _settled(base)


def test_a_head_that_the_base_has_not_is_refused(tiny_base):
    with pytest.raises(InputError, match=r"no sequence classifier \(BertModel\).*architecture.head=pooled"):
        _settled(tiny_base, "architecture.head=classification")


def test_the_run_says_what_became_of_the_head_and_goes_on_as_settled(cross_encoder, make_pairs, tmp_path):
    base = cross_encoder(BERT)
    tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict")))
    short = ["n_epochs=0.1", "report_to=[]", "max_tokens=4000"]
    for head, said in ((None, "从底座自己的分数开始"), ("mean", "没有用上")):
        console, out = Console(file=io.StringIO(), width=200), tmp_path / str(head)
        named = [] if head is None else [f"architecture.head={head}"]
        config = load_train_config(None, overrides=[*short, *named])
        train_matcher(make_pairs(6, seed=1), {}, task_set=tasks, base=base, out=out, config=config, console=console)
        assert said in console.file.getvalue()
        recorded = json.loads((out / "run.json").read_text())["config"]["architecture"]
        assert recorded["head"] == (head or "classification")


def test_weights_of_two_logits_under_a_configuration_of_one_are_refused(cross_encoder, make_pairs, tmp_path):
    base = cross_encoder(BERT)
    config = transformers.BertConfig.from_pretrained(base)
    config.num_labels = 2
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path / "two")
    (tmp_path / "two" / "config.json").write_text((base / "config.json").read_text())
    for file in base.glob("tokenizer*"):
        (tmp_path / "two" / file.name).write_bytes(file.read_bytes())
    tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict")))
    with pytest.raises(InputError, match=r"'classifier.bias' has the shape \[2\]|'classifier.weight' has the shape"):
        train_matcher(
            make_pairs(6, seed=1),
            {},
            task_set=tasks,
            base=tmp_path / "two",
            out=tmp_path / "run",
            config=load_train_config(None, overrides=["report_to=[]"]),
        )
    assert not (tmp_path / "run").exists()
