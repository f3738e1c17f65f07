import pytest
import torch

from yanmo.data import Task, TaskSet
from yanmo.encode import EncoderConfig, ModelType
from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
from yanmo.match.onnx_export import export_matcher
from yanmo.match.torch_engine import TorchEngine, build_classifier
from yanmo.match.weight_plan import WeightForm, WeightPlan
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生"]


def _tiny_matcher(*, model_type=ModelType.BERT, n_layers=2, **changes):
    torch.manual_seed(7)
    given = {"layout": PairLayout.SIDES, "joint_from": 1, "condition_width": 4, "head_width": 6}
    architecture = Architecture(**given | changes)
    config = EncoderConfig(model_type, len(TOKENS), 8, 8, n_layers, 2, 12, 64, pad_id=1)
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    tokenizer = WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter())
    matching = MatchingFile(
        task_set=TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict"))),
        decisions={"strict": Decision(threshold=0.3, calibration=Calibration(scale=2.0, bias=-1.0))},
        model=architecture.model_dump(mode="json"),
    )
    return Matcher(TorchEngine(classifier, config), PairEncoder(tokenizer, layout=architecture.layout), matching)


@pytest.fixture(scope="session")
def tiny_matcher():
    """Makes a matcher with random torch weights over two tasks."""
    return _tiny_matcher


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A tiny matcher and the folder of its export in float32; not to be changed."""
    matcher = _tiny_matcher()
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    export_matcher(matcher, folder, plan=WeightPlan.uniform(WeightForm.FLOAT32))
    return matcher, folder
