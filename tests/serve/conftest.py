import io
import json
from contextlib import ExitStack

import numpy as np
import pytest

from yanmo.data import TaskSet
from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer


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


@pytest.fixture
def overlap_matcher(tmp_path):
    """A matcher without weights over the six tasks, and its folder."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(0x4E00, 0x5200))]
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    decisions = {"ssB": Decision(threshold=0.6, calibration=Calibration(scale=2.0), n_examples=9)}
    matching = MatchingFile(
        task_set=TaskSet.load("sohu"), decisions=decisions, model=Architecture().model_dump(mode="json")
    )
    matcher = Matcher(OverlapEngine(), PairEncoder(tokenizer, layout=PairLayout.SIDES), matching)
    matcher.save_pretrained(tmp_path / "overlap")
    return matcher, tmp_path / "overlap"


@pytest.fixture
def http_service(overlap_matcher):
    """Starts the HTTP service in this process, around the overlap matcher or another; gives clients of it."""
    testclient = pytest.importorskip("starlette.testclient")
    from yanmo.serve.http_app import build_app
    from yanmo.serve.http_log import RequestLog
    from yanmo.serve.http_settings import ServiceSettings

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
