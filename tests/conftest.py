"""One seed for every test that draws; tiny bases, pairs, matchers and services that tests of several rooms share."""

import functools
import gc
import hashlib
import inspect
import io
import json
import typing
from contextlib import ExitStack

import jaxtyping
import numpy as np
import pytest

# Needs packages of other projects: `make clients`.
collect_ignore = ["clients"]
CHARACTERS = "今天气不错我们去公园学生球队赢了输比赛昨晚"


_jaxtyped = jaxtyping.jaxtyped


def _names_arrays(hint):
    """Whether a hint says anything of shapes; one written as a string may."""
    if isinstance(hint, str):
        return True
    is_array = inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)
    return is_array or any(_names_arrays(part) for part in typing.get_args(hint))


def _checked(*arguments, **options):
    """As ``jaxtyped``, without a record of shapes for functions that name none: half of what checks cost."""
    if arguments or set(options) != {"typechecker"}:
        return _jaxtyped(*arguments, **options)

    def decorate(target):
        if inspect.isfunction(target) and not any(map(_names_arrays, target.__annotations__.values())):
            checked = options["typechecker"](target)

            @functools.wraps(target)
            def call(*given, **named):
                # As jaxtyped: some tests switch the checks off, to see what is refused behind the hints.
                return (target if jaxtyping.config.jaxtyping_disable else checked)(*given, **named)

            return call
        return _jaxtyped(**options)(target)

    return decorate


# What the hook of --jaxtyping-packages puts on every function of the package, which is imported after this file.
jaxtyping.jaxtyped = _checked
# Python before 3.12 lists a protocol's members anew at every check, which jaxtyping makes for every array.
if hasattr(typing, "_get_protocol_attrs"):
    typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)


def pytest_collection_finish() -> None:
    """What is imported stays to the end: full collections, which Trainers ask for, need not look through it."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)


@pytest.fixture
def unchecked(monkeypatch) -> None:
    """Switches the checks of hints off, for what runs whole that other tests check part by part."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


# Imports stand inside: tests of rooms without torch load this file as well.
def _tiny_matcher(
    *, model_type=None, n_layers=2, symmetric=False, budget=32, width=8, n_heads=2, inner_width=12, **changes
):
    import torch

    from yanmo.data import Budget, Task, TaskSet
    from yanmo.encode import EncoderConfig, ModelType
    from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
    from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
    from yanmo.tokenize import (
        CharacterSegmenter,
        PairEncoder,
        PairLayout,
        TextNormalization,
        Vocabulary,
        WordTokenizer,
    )

    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生"]
    given = {"layout": PairLayout.SIDES, "joint_from": 1, "condition_width": 4, "head_width": 6}
    architecture = Architecture(**given | changes)
    config = EncoderConfig(
        model_type or ModelType.BERT, len(tokens), width, width, n_layers, n_heads, inner_width, 64, pad_id=1
    )
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5 * (8 / width) ** 0.5)
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    each = {"symmetric": symmetric, "budget": Budget(left=budget, right=budget)}
    tasks = (Task(name="loose", **each), Task(name="strict", **each))
    matching = MatchingFile(
        task_set=TaskSet(name="two", tasks=tasks),
        decisions={"strict": Decision(threshold=0.3, calibration=Calibration(scale=2.0, bias=-1.0))},
        model=architecture.model_dump(mode="json"),
        normalization=TextNormalization(),
    )
    encoder = PairEncoder(tokenizer, layout=architecture.layout, normalization=matching.normalization)
    return Matcher(TorchEngine(classifier, config), encoder, matching)


@pytest.fixture(scope="session")
def tiny_matcher():
    """Makes a matcher with random torch weights over two tasks."""
    return _tiny_matcher


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A tiny matcher and the folder of its export in float32; not to be changed."""
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    matcher = _tiny_matcher()
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    export_matcher(matcher, folder, plan=WeightPlan.uniform(WeightForm.FLOAT32))
    return matcher, folder


class OverlapEngine:
    """Logit by the share of token ids that the two sides have in common; strict tasks ask for more."""

    def logits(self, pairs, task_indices):
        def share(pair):
            left, right = ({i for i in pair.token_ids[pair.side == side].tolist() if i > 3} for side in (0, 1))
            return len(left & right) / max(len(left | right), 1)

        scores = [6 * share(pair) - 3 - index % 2 for pair, index in zip(pairs, task_indices, strict=True)]
        return np.array(scores, dtype=np.float32)

    def save(self, folder):
        (folder / "model.safetensors").write_bytes(b"none")

    def identity(self):
        from yanmo.match.engines.identity import EngineIdentity

        return EngineIdentity("overlap 1", "none")


@pytest.fixture
def overlap_matcher(tmp_path):
    """A matcher without weights over the six tasks, and its folder."""
    from yanmo.data import TaskSet
    from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
    from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(0x4E00, 0x5200))]
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    decisions = {"ssB": Decision(threshold=0.6, calibration=Calibration(scale=2.0), n_examples=9)}
    matching = MatchingFile(
        task_set=TaskSet.load("sohu"), decisions=decisions, model=Architecture().model_dump(mode="json")
    )
    matcher = Matcher(OverlapEngine(), PairEncoder(tokenizer, layout=PairLayout.SIDES), matching)
    matcher.save_pretrained(tmp_path / "overlap")
    return matcher, tmp_path / "overlap"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """A random BERT of three layers with a character vocabulary, as a Hugging Face folder."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        hidden_dropout_prob=0.1,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True}), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="session")
def two_tasks():
    from yanmo.data.tasks import Budget, Task, TaskSet

    budget = Budget(left=32, right=32)  # all that the base has positions for
    tasks = (Task(name="loose", standard="A", budget=budget), Task(name="strict", standard="B", budget=budget))
    return TaskSet(name="two", tasks=tasks)


@pytest.fixture(scope="session")
def make_pairs():
    """Pairs whose strict label is 'same text' and whose loose label is 'same first character'."""
    import torch

    from yanmo.data.pair import Pair

    def make(n, *, seed):
        generator = torch.Generator().manual_seed(seed)

        def draw(low, high):
            return int(torch.randint(low, high, (1,), generator=generator))

        made = {"loose": [], "strict": []}
        for task, rows in made.items():
            for line in range(n):
                a = "".join(CHARACTERS[draw(0, len(CHARACTERS))] for _ in range(draw(2, 9)))
                kind = line % 3
                b = a if kind == 0 else a[0] + "".join(CHARACTERS[draw(0, len(CHARACTERS))] for _ in range(draw(2, 9)))
                if kind == 2:
                    b = CHARACTERS[(CHARACTERS.index(a[0]) + 5) % len(CHARACTERS)] + b[1:]
                label = int(kind == 0 or (task == "loose" and kind == 1))
                rows.append(Pair(a, b, label, None, line + 1, f"{task}.txt"))
        return made

    return make


@pytest.fixture
def http_service(overlap_matcher):
    """Starts the HTTP service in this process, around the overlap matcher or another; gives clients of it."""
    testclient = pytest.importorskip("starlette.testclient")
    from yanmo.serve.http.app import build_app
    from yanmo.serve.http.log import RequestLog
    from yanmo.serve.http.settings import ServiceSettings

    with ExitStack() as stack:

        def start(matcher=overlap_matcher[0], *, key=None, task=None, index=None, **limits):
            log = io.StringIO()
            app = build_app(
                matcher,
                model_name="overlap",
                log=RequestLog(log),
                settings=ServiceSettings(**limits),
                default_task=task,
                api_key=key,
                index=index,
            )
            client = stack.enter_context(testclient.TestClient(app, raise_server_exceptions=False))
            client.log_lines = lambda: [json.loads(line) for line in log.getvalue().splitlines()]
            return client

        yield start


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory):
    """Makes folders of tiny random cross-encoders with a tokenizer, by the name of transformers' class."""
    import torch
    import transformers

    def make(name, **changes):
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp(name)
        prefix = name.removesuffix("ForSequenceClassification")
        if prefix in ("Bert", "RoFormer"):
            tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
            tokenizer = transformers.BertTokenizer(vocab={token: i for i, token in enumerate(tokens)})
        elif prefix == "Roberta":
            from tokenizers.pre_tokenizers import ByteLevel

            tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
            tokenizer = transformers.RobertaTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=[])
        else:
            tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁", *CHARACTERS, "▁今天", "公园"]
            tokenizer = transformers.XLMRobertaTokenizer(vocab=[(token, -1.0) for token in tokens])
        tokenizer.save_pretrained(folder)
        sizes = {
            "vocab_size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "hidden_size": 16,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "max_position_embeddings": 300,
            "type_vocab_size": 2 if prefix == "Bert" else 1,
            "num_labels": 1,
            "initializer_range": 0.4,
        }
        model = getattr(transformers, name)(getattr(transformers, f"{prefix}Config")(**sizes | changes))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if key.endswith("bias"):
                    parameter.normal_(std=0.3)  # transformers' start at zero, where a forgotten one would not show
        model.save_pretrained(folder)
        return folder

    return make


_LETTERS = "今天气不错我们去公园学生怎么退款银行卡绑定解除天津北京三五一二两个钱费用多少abc123，。？！ "


class CharacterEngine:
    """The vector of a text is the sum of its characters' own directions; the logit rises with the cosine.

    Counts what it computes, so that tests see what was not computed twice.
    """

    def __init__(self, *, width=64, steepness=40.0, at=0.8):
        self.width, self.steepness, self.at = width, steepness, at
        self.n_encoded = self.n_scored = 0
        self.is_slow = False
        self._directions = np.random.default_rng(0).normal(size=(4096, width)).astype(np.float32)

    def vectors(self, pairs, task_indices):
        made = np.zeros((len(pairs), 2, self.width), dtype=np.float32)
        for row, pair in enumerate(pairs):
            for side in (0, 1):
                made[row, side] = self._directions[pair.token_ids[pair.side == side]].sum(0)
        self.n_encoded += 2 * len(pairs)
        return made

    def score_vectors(self, first, second, task_indices):
        self.n_scored += len(first)
        u, v = (np.asarray(each, dtype=np.float64) for each in (first, second))
        cosine = (u * v).sum(1) / np.maximum(np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1), 1e-9)
        return (self.steepness * (cosine - self.at) - 2 * np.asarray(task_indices)).astype(np.float32)

    def logits(self, pairs, task_indices):
        both = self.vectors(pairs, task_indices)
        return self.score_vectors(both[:, 0], both[:, 1], task_indices)

    def save(self, folder):
        raise NotImplementedError

    def identity(self):
        from yanmo.match.engines.identity import EngineIdentity

        said = f"{self.width} {self.steepness} {self.at}"
        return EngineIdentity("characters", hashlib.sha256(said.encode()).hexdigest())


def character_matcher(*, symmetric=True, budget=64, **engine):
    """A matcher of `CharacterEngine`: tasks ``loose`` and ``strict``, which implies it, and ``sided``."""
    from yanmo.data import Budget, Task, TaskSet
    from yanmo.match import Architecture, Matcher, MatchingFile
    from yanmo.tokenize import (
        CharacterSegmenter,
        PairEncoder,
        PairLayout,
        TextNormalization,
        Vocabulary,
        WordTokenizer,
    )

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(_LETTERS.replace(" ", ""))]
    each = {"budget": Budget(left=budget, right=budget)}
    tasks = (
        Task(name="loose", symmetric=symmetric, **each),
        Task(name="strict", symmetric=symmetric, implies="loose", **each),
        Task(name="sided", symmetric=False, **each),
    )
    matching = MatchingFile(
        task_set=TaskSet(name="three", tasks=tasks),
        model=Architecture(layout=PairLayout.SIDES, joint_from=2).model_dump(mode="json"),
        normalization=TextNormalization(spell_unknown=False),
    )
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=PairLayout.SIDES, normalization=matching.normalization)
    return Matcher(CharacterEngine(**engine), encoder, matching)


@pytest.fixture
def characters():
    """A new matcher of characters."""
    return character_matcher()


@pytest.fixture(scope="session")
def make_characters():
    """Makes matchers of characters."""
    return character_matcher
