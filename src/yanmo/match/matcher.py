"""The matcher people use: texts in, calibrated probabilities and decisions out, under every standard it knows."""

import re
import tempfile
from collections.abc import Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ..atomic import new_folder
from ..data.edits.difference_kinds import DifferenceKind, read_kinds
from ..errors import InputError, require_extra
from ..tokenize import PairEncoder, TextNormalization
from .architecture import read_architecture
from .asking import asking
from .decisions import MATCHING_FILE, MatchingFile
from .description import describe
from .engines.engine import Engine, KeepsTexts
from .engines.identity import MatcherIdentity, digest_files
from .engines.learned_engine import with_heads
from .engines.learned_head import load_learned
from .engines.pair_rows import PairRows, encode_rows
from .folder import LEARNED_FILE
from .folder_record import check_files, write_files
from .given_pairs import GivenPairs, given_pairs
from .hub import download
from .loading import load_engine
from .positions import check_positions
from .ranking import Ranked, rank_documents
from .verdicts import Verdict, open_scores, verdicts, with_implied

__all__ = ["Matcher"]


class Matcher:
    """One model, many standards of match.

    Args:
        engine: Encoded pairs to logits.
        pair_encoder: Texts to encoded pairs.
        matching: Tasks, thresholds and calibration, and the steps by which the encoder reads texts.
        folder: Where it was loaded from, for what errors say.

    Raises:
        InputError: The encoder reads texts by other steps than ``matching`` says.

    Example:
        ``Matcher.from_pretrained("runs/sohu").decide([("巴萨获胜", "巴塞罗那赢球")], task="ssB")``
    """

    def __init__(
        self, engine: Engine, pair_encoder: PairEncoder, matching: MatchingFile, *, folder: Path | None = None
    ) -> None:
        taken, declared = pair_encoder.normalization.taken, matching.normalization.taken
        if taken != declared:
            raise InputError(
                f"the encoder reads texts by {_names(taken)}, the matcher declares {_names(declared)}",
                fix="make the PairEncoder with normalization=matching.normalization",
            )
        self.engine = engine
        self.pair_encoder = pair_encoder
        self.matching = matching
        self.folder = folder

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str | None = None,
        n_threads: int | None = None,
        revision: str | None = None,
    ) -> "Matcher":
        """Loads a matcher from its folder, or from the Hugging Face hub.

        A folder with ``model.onnx`` and no ``model.safetensors`` is scored by ONNX Runtime, one with
        ``openvino_model.xml`` by OpenVINO; neither needs torch.

        Args:
            folder: Folder written by ``save_pretrained`` or ``yanmo export``, or the name ``owner/name`` of one on the
                hub.
            device: Where torch runs, such as ``"cuda"``; None for the CPU, the only one for exported graphs.
            n_threads: Threads of an exported graph; None takes as many as the process may use. Torch's are set by
                ``torch.set_num_threads``.
            revision: Branch, tag or commit on the hub.

        Returns:
            The matcher, ready to score.

        Raises:
            InputError: The folder is missing, a file of it is not the one its ``files.json`` lists, its files do not
                belong together, a task's budget goes beyond the model's positions, or ``device`` or ``n_threads`` is
                given to the engine that cannot honor it.
            MissingExtraError: The folder holds torch's weights, and torch is not installed.
        """
        if not Path(folder).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(folder)):
            folder = download(str(folder), revision)
        folder = Path(folder)
        matching = MatchingFile.load(folder)
        check_files(folder)
        architecture = read_architecture(matching.model, where=folder / MATCHING_FILE)
        heads = load_learned(folder, names=matching.task_set.names)
        if set(heads) != set(matching.learned):
            problem = f"{LEARNED_FILE} holds {', '.join(heads) or 'nothing'}"
            problem = f"{problem}, {MATCHING_FILE} says that {', '.join(matching.learned) or 'nothing'} was learned"
            raise InputError(problem, where=folder, fix="copy the folder again: the two files must be of one writing")
        engine, tokenizer, n_positions = load_engine(
            folder, architecture, n_tasks=len(matching.trained), device=device, n_threads=n_threads
        )
        encoder = PairEncoder(
            tokenizer,
            layout=architecture.layout,
            prefix=architecture.prefix,
            normalization=matching.normalization,
        )
        check_positions(matching.task_set, encoder, n_positions=n_positions, where=folder / MATCHING_FILE)
        return cls(with_heads(engine, matching.trained, heads), encoder, matching, folder=folder)

    @classmethod
    def default(cls, *, n_threads: int | None = None) -> "Matcher":
        """Loads the matcher that ships with the package: twenty-five standards, scored by ONNX Runtime.

        Args:
            n_threads: Threads of ONNX Runtime; None takes as many as the process may use.

        Returns:
            The matcher.

        Example:
            >>> matcher = Matcher.default()
            >>> matcher.decide([("巴塞罗那昨晚三比零取胜", "巴萨昨夜3:0赢球")], task="ssA").tolist()
            [True]
        """
        with resources.as_file(resources.files("yanmo.assets") / "default") as folder:
            return cls.from_pretrained(folder, n_threads=n_threads)

    def with_normalization(self, normalization: TextNormalization) -> "Matcher":
        """The same weights, reading texts by other steps; thresholds and calibration stay as they were chosen.

        Args:
            normalization: The steps, such as ``TextNormalization()`` for all of them.

        Returns:
            Another matcher over the same engine.
        """
        plain = self.pair_encoder
        encoder = PairEncoder(plain.tokenizer, layout=plain.layout, prefix=plain.prefix, normalization=normalization)
        matching = self.matching.model_copy(update={"normalization": normalization})
        return Matcher(self.engine, encoder, matching, folder=self.folder)

    def with_details(self, details: Collection[DifferenceKind | str] | str, *, task: str) -> "Matcher":
        """The same weights and thresholds, one standard with other details that must agree; see ``Task.details``.

        Args:
            details: The kinds, or ``"all"``; none lets the score alone decide.
            task: The standard.

        Returns:
            Another matcher over the same engine.

        Raises:
            InputError: There is no such detail or standard.
        """
        wanted = read_kinds(details)
        tasks = list(self.matching.task_set.tasks)
        place = self.matching.task_set.index(task)
        tasks[place] = tasks[place].model_copy(update={"details": wanted})
        task_set = self.matching.task_set.model_copy(update={"tasks": tuple(tasks)})
        matching = self.matching.model_copy(update={"task_set": task_set})
        return Matcher(self.engine, self.pair_encoder, matching, folder=self.folder)

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Uploads the matcher's folder to the Hugging Face hub.

        Args:
            repo_id: ``owner/name``; made if it does not exist.
            private: Whether a new repository is private.
            token: Access token; None takes the one that is logged in.

        Returns:
            Address of the commit.
        """
        require_extra("huggingface_hub", extra="torch")
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            self.save_pretrained(Path(temporary) / "model")
            commit = api.upload_folder(repo_id=repo_id, folder_path=Path(temporary) / "model")
        return str(commit.commit_url)

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the matcher as a Hugging Face folder with ``matching.json``; all of it or nothing.

        Args:
            folder: A folder that does not exist yet or is empty.

        Raises:
            InputError: The folder holds something.
        """
        with new_folder(Path(folder)) as temporary:
            self.engine.save(temporary)
            self.pair_encoder.tokenizer.save(temporary)
            self.matching.save(temporary)
            write_files(temporary)

    def identity(self) -> MatcherIdentity:
        """Says what computes the scores; all weights are read for it."""
        engine = self.engine.identity()
        with tempfile.TemporaryDirectory() as temporary:
            self.pair_encoder.tokenizer.save(Path(temporary))
            return MatcherIdentity(engine.engine, engine.weights, digest_files(Path(temporary).iterdir()))

    def rows(self, pairs: GivenPairs, *, tasks: Sequence[str]) -> PairRows:
        """Encodes pairs as an engine scores them, a row for each window under each task.

        Args:
            pairs: The texts; see ``yanmo.match.given_pairs`` for what is taken.
            tasks: Names of tasks.

        Returns:
            The rows; they make the pairs' logits of their own, and say what was read of each text.

        Raises:
            InputError: The matcher does not know a task, or something is no pair of texts.
        """
        first, second = self.matching.task_set.first, self.matching.task_set.second
        read = given_pairs(pairs, first=first, second=second)
        return encode_rows(read, tasks=tasks, task_set=self.matching.task_set, pair_encoder=self.pair_encoder)

    def logits(self, pairs: GivenPairs, *, task: str) -> NDArray[np.float32]:
        """Raw scores of pairs under one task; of a pair that is read in windows their maximum or mean.

        Args:
            pairs: The texts.
            task: Name of the task.

        Returns:
            Logits, float32[n].

        Raises:
            InputError: The matcher does not know the task, or something is no pair of texts.
        """
        return self._logits(self.rows(pairs, tasks=[task]))[:, 0]

    def score(self, pairs: GivenPairs, *, task: str) -> NDArray[np.float32]:
        """Calibrated probabilities of "match" under one task, float32[n]; arguments as in ``logits``.

        Never above those of a looser task that this one implies, for which that task is scored as well.
        """
        return self.judge(pairs, tasks=[task])[task].probabilities

    @overload
    def decide(self, pairs: GivenPairs, *, task: str, ask: None = None) -> NDArray[np.bool_]: ...

    @overload
    def decide(self, pairs: GivenPairs, *, task: str, ask: float) -> NDArray[Any]: ...

    def decide(self, pairs: GivenPairs, *, task: str, ask: float | None = None) -> NDArray[np.bool_] | NDArray[Any]:
        """Decisions by the task's own stored threshold; never yes where a looser task that this one implies says no.

        Args:
            pairs: The texts.
            task: Name of the task.
            ask: Share of pairs to leave to a person, such as 0.1. The task's stored thresholds for asking decide which,
                if they were chosen for this share; else the least sure of these very pairs are.

        Returns:
            True or False of each pair, bool[n]; with ``ask`` the answers ``1``, ``0`` and ``?``.

        Raises:
            InputError: The matcher does not know the task, something is no pair of texts, or the share is none.
        """
        if ask is None:
            return self.judge(pairs, tasks=[task])[task].accepted
        rows = self.rows(pairs, tasks=with_implied(self.matching.task_set, [task]))
        logits, rule, details = self.logits_of(rows), self.matching.decision(task), rows.details
        if rule.ask_share != ask:
            scores = open_scores(self.matching, logits, task=task, is_blank=rows.is_blank, details=details)
            matching = self.matching.with_decision(task, asking(rule, scores, share=ask))
        else:
            matching = self.matching
        return verdicts(matching, logits, is_blank=rows.is_blank, details=details)[task].answers

    def judge(self, pairs: GivenPairs, *, tasks: Sequence[str]) -> dict[str, Verdict]:
        """Probabilities and decisions under several tasks, which never contradict each other; see ``verdicts``.

        Args:
            pairs: The texts.
            tasks: Names of tasks.

        Returns:
            Of each task its verdict, by name; what the tasks share is computed once.

        Raises:
            InputError: The matcher does not know a task, or something is no pair of texts.
        """
        rows = self.rows(pairs, tasks=with_implied(self.matching.task_set, tasks))
        found = self.judge_rows(rows)
        return {task: found[task] for task in tasks}

    def judge_rows(self, rows: PairRows) -> dict[str, Verdict]:
        """Judges encoded pairs, for callers who also want to say what was read of them.

        Args:
            rows: Pairs under tasks, as ``rows`` gives them; of a strict task the looser ones must be there too.

        Returns:
            Of each task its verdict, by name.

        Raises:
            InputError: A looser task is missing, or the weights are damaged.
        """
        return verdicts(self.matching, self.logits_of(rows), is_blank=rows.is_blank, details=rows.details)

    def logits_of(self, rows: PairRows) -> dict[str, NDArray[np.float32]]:
        """Raw scores of encoded pairs under each of their tasks, by name; see ``judge_rows``."""
        logits = self._logits(rows)
        names = [self.matching.task_set.names[index] for index in rows.task_indices]
        return {name: np.ascontiguousarray(logits[:, i]) for i, name in enumerate(names)}

    def score_all(self, pairs: GivenPairs) -> dict[str, NDArray[np.float32]]:
        """Calibrated probabilities under every task of the matcher, by task name; what tasks share is computed once.

        Args:
            pairs: The texts.

        Returns:
            Of each task the probabilities, float32[n].
        """
        found = self.judge(pairs, tasks=self.matching.task_set.names)
        return {name: verdict.probabilities for name, verdict in found.items()}

    def rank(
        self, query: str, documents: Sequence[str], *, task: str | None = None, top: int | None = 10
    ) -> list[Ranked]:
        """Orders documents by how probably they match a query under one task.

        Args:
            query: The text on the first side.
            documents: Those on the second.
            task: Name of the task; may be left out where the matcher has one.
            top: How many to give; None for all.

        Returns:
            The best, best first: position among those given, document, probability, and whether it is a match.

        Raises:
            InputError: The matcher does not know the task or has several and none is named, or a text is none.

        Example:
            >>> found = Matcher.default().rank("怎么退款", ["多久发货", "如何申请退款"], task="question", top=1)
            >>> found[0].position, found[0].document
            (1, '如何申请退款')
        """
        names = self.matching.task_set.names
        if task is None and len(names) > 1:
            raise InputError("the matcher has several standards", fix=f"name one by task=: {', '.join(names)}")
        name = task or names[0]
        return rank_documents(query, documents, judge=lambda pairs: self.judge(pairs, tasks=[name])[name], top=top)

    def __repr__(self) -> str:
        return describe(self.matching, self.engine)

    def encode_texts(self, texts: Sequence[str], *, tasks: Sequence[str] | None = None) -> int:
        """Computes what texts cost alone, below the first layer that sees both, for the calls to come.

        Scoring one text against many, or every pair of two lists, then costs only the layers above; ``forget_texts``
        drops it. A text that is too long for its task's budget is cut by what the other text leaves unused, so only
        texts within the budget are found again.

        Args:
            texts: The texts, as either side of a pair.
            tasks: Names of the tasks they will be scored under; None means all.

        Returns:
            Bytes of memory that texts now take.

        Raises:
            InputError: The matcher is an export, which computes both texts at once, or does not know a task.
        """
        names = self.matching.task_set.names if tasks is None else tuple(tasks)
        if isinstance(texts, str):
            raise InputError("the texts are one text", fix="give a list of texts")
        encoded = self.rows([(text, text) for text in texts], tasks=names)
        if not isinstance(self.engine, KeepsTexts):
            raise InputError(
                "an exported matcher computes both texts at once and cannot keep one",
                fix="load the folder it was trained in",
            )
        return self.engine.keep(encoded.rows, encoded.row_tasks)

    def forget_texts(self) -> None:
        """Frees what ``encode_texts`` keeps."""
        if isinstance(self.engine, KeepsTexts):
            self.engine.forget()

    def _logits(self, rows: PairRows) -> NDArray[np.float32]:
        logits = rows.pool(self.engine.logits(rows.rows, rows.row_tasks))
        wrong = np.argwhere(~np.isfinite(logits))
        if len(wrong):
            row, column = wrong[0]
            task = self.matching.task_set.names[rows.task_indices[column]]
            problem = f"pair {row} scores {logits[row, column]} under task '{task}'"
            raise InputError(
                problem,
                where=self.folder,
                fix=f"the weights are damaged: yanmo doctor model {self.folder or 'FOLDER'}, and copy the folder again",
            )
        return logits


def _names(steps: Sequence[str]) -> str:
    return ", ".join(steps) or "no step"
