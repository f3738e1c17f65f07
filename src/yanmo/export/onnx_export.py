"""Exports a trained matcher as one ONNX graph, and as a folder that scores without torch."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.export import Dim

from ..atomic import new_folder, replacing
from ..encode import EncoderConfig
from ..errors import InputError, require_extra
from ..layers import mean_pool
from ..match.architecture import Architecture
from ..match.engines.graph_engine import CARD_KEY, INPUTS, OUTPUTS, GraphCard
from ..match.engines.learned_engine import heads_of, trained_engine
from ..match.engines.learned_head import save_learned
from ..match.engines.openvino_engine import rewrite_graph
from ..match.engines.torch_engine import TorchEngine
from ..match.folder import ONNX_FILE, OPENVINO_FILE
from ..match.folder_record import write_files
from ..match.matcher import Matcher
from ..match.network.classifier import PairClassifier
from .folded import FoldedClassifier
from .packed import PACKED_AXES, PackedClassifier, packed_example
from .stored_weights import store_weights
from .weight_plan import WeightPlan

__all__ = ["export_graph", "export_matcher", "save_graph", "trace", "write_export"]

# Ops up to this set are spoken by every ONNX Runtime since 1.17, and its fusions know them best.
_OPSET = 18


def export_graph(
    classifier: PairClassifier, config: EncoderConfig, architecture: Architecture, path: Path, *, plan: WeightPlan
) -> None:
    """Writes a trained network as one graph, whole or not at all.

    ONNX Runtime's graph takes what ``PackedForm.feed`` gives, OpenVINO's ``token_ids``, ``type_ids``, ``position_ids``
    and ``side`` (int64[batch, seq]) and ``mask`` (bool[batch, seq]) for the pairs, ``task`` and ``row``
    (int64[scored]) for what is scored: the task, and the pair's row. Either gives ``logits`` (float32[scored]) and,
    for those who ask, ``vectors`` (float32[scored, 2, hidden]), the mean vector of each text under the task.

    Args:
        classifier: The network; left as it is.
        config: Its encoder's configuration.
        architecture: How it was built; goes into the graph's description.
        path: The file to write.
        plan: The form of each part's weights.

    Raises:
        MissingExtraError: The exporter's packages are not installed.
    """
    folded = FoldedClassifier(classifier)
    store_weights(folded, plan)
    card = GraphCard(
        n_tasks=len(folded.task_bias),
        vocab_size=config.vocab_size,
        max_tokens=config.max_tokens,
        pad_id=config.pad_id,
        architecture=architecture,
        # OpenVINO rounds groups that divide every width in the network; the encoder's own does.
        activation_group=config.width if plan.is_for_openvino else None,
    )
    if plan.is_for_openvino:
        example = (
            *(torch.zeros(2, 6, dtype=torch.int64) for _ in range(4)),
            torch.ones(2, 6, dtype=torch.bool),
            torch.zeros(3, dtype=torch.int64),
            torch.zeros(3, dtype=torch.int64),
        )
        program = trace(_WithVectors(folded), example, [*INPUTS], [*OUTPUTS])
    else:
        packed = PackedClassifier(folded)
        given = packed_example(packed.form)
        program = trace(packed, tuple(given.values()), [*given], [*OUTPUTS], axes=PACKED_AXES)
    program.model.metadata_props[CARD_KEY] = card.model_dump_json()
    save_graph(program, path)


class _WithVectors(nn.Module):
    def __init__(self, folded: FoldedClassifier) -> None:
        super().__init__()
        self.folded = folded

    def forward(
        self,
        token_ids: Int[Tensor, "batch seq"],
        type_ids: Int[Tensor, "batch seq"],
        position_ids: Int[Tensor, "batch seq"],
        side: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
        task: Int[Tensor, " scored"],
        row: Int[Tensor, " scored"],
    ) -> tuple[Float[Tensor, " scored"], Float[Tensor, "scored 2 hidden"]]:
        x, side, mask = self.folded.states(token_ids, type_ids, position_ids, side, mask, task, row)
        vectors = torch.stack([mean_pool(x, mask & (side == i)) for i in (0, 1)], 1)
        return self.folded.score_states(x, side, mask, task), vectors


def save_graph(program: torch.onnx.ONNXProgram, path: Path) -> None:
    """Writes a traced graph as one file, whole or not at all."""
    with replacing(path) as temporary:
        program.save(temporary, external_data=False)


def trace(
    model: nn.Module,
    example: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    *,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> torch.onnx.ONNXProgram:
    """Traces a network of ordinary torch operations into a graph whose first two axes are free.

    Args:
        model: The network; no branch of it depends on a value.
        example: Its inputs, [batch, seq, ...], or [n, ...] for a number of their own; each a tensor of its own, as one
            handed in twice would become one input, and no axis of 0 or 1, which would be taken for a constant.
        input_names: Names of the graph's inputs.
        output_names: Names of its outputs.
        axes: The free axes of each input, by its name, and what each is called; None for the first two of all.

    Returns:
        The graph.

    Raises:
        MissingExtraError: The exporter's packages are not installed.
    """
    require_extra("onnx", extra="onnx")
    require_extra("onnxscript", extra="onnx")
    if axes is None:
        usual: dict[int, dict[int, str]] = {1: {0: "scored"}, 2: {0: "batch", 1: "seq"}}
        axes = {name: usual[min(each.ndim, 2)] for name, each in zip(input_names, example, strict=True)}
    dims = {name: Dim(name) for free in axes.values() for name in free.values()}
    with _quietly():
        program = torch.onnx.export(
            model,
            example,
            dynamo=True,
            opset_version=_OPSET,
            input_names=input_names,
            output_names=output_names,
            dynamic_shapes=[{axis: dims[of] for axis, of in axes[name].items()} for name in input_names],
            verbose=False,
        )
    if program is None:
        raise InputError("torch gave no graph", fix="update torch")
    for node in program.model.graph.all_nodes():
        # Where each node stood in the source, with this machine's paths.
        node.metadata_props.clear()
        node.doc_string = None
    return program


def export_matcher(matcher: Matcher, folder: Path, *, plan: WeightPlan) -> None:
    """Writes a matcher as a folder that ``Matcher.from_pretrained`` scores without torch; all of it or nothing.

    ONNX Runtime scores it, or OpenVINO where the plan is for it.

    Args:
        matcher: A matcher with torch weights.
        folder: A folder that does not exist yet or is empty.
        plan: The form of each part's weights.

    Raises:
        InputError: The folder holds something, or the matcher is an export itself.
        MissingExtraError: The exporter's packages are not installed.
    """
    with new_folder(folder) as temporary:
        write_export(matcher, temporary, plan=plan)
        write_files(temporary)


def write_export(matcher: Matcher, folder: Path, *, plan: WeightPlan) -> None:
    """Writes what ``export_matcher`` writes into a folder that exists, over what an earlier call left there.

    Args:
        matcher: A matcher with torch weights.
        folder: The folder.
        plan: The form of each part.

    Raises:
        InputError: The matcher is an export itself.
        MissingExtraError: The exporter's packages are not installed.
    """
    engine = trained_engine(matcher.engine)
    if not isinstance(engine, TorchEngine):
        raise InputError("only a matcher with torch weights can be exported", fix="load the folder it was trained in")
    architecture = Architecture.model_validate(matcher.matching.model)
    if plan.is_for_openvino:
        require_extra("openvino", extra="openvino")
        with tempfile.TemporaryDirectory() as beside:
            graph = Path(beside) / ONNX_FILE
            export_graph(engine.classifier, engine.config, architecture, graph, plan=plan)
            rewrite_graph(graph, folder / OPENVINO_FILE)
    else:
        export_graph(engine.classifier, engine.config, architecture, folder / ONNX_FILE, plan=plan)
    (folder / "config.json").write_text(json.dumps(engine.config.to_hf(), indent=2) + "\n", encoding="utf-8")
    matcher.pair_encoder.tokenizer.save(folder)
    matcher.matching.save(folder)
    # Learned standards read what the graph gives, and stand beside it as they stood beside the weights.
    save_learned(heads_of(matcher.engine), folder)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silences the exporter's warnings about its own internals and about packages that are not used."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
