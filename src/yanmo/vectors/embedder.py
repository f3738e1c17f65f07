"""The Embedder: texts to vectors of length 1 whose cosine says how alike they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional as F

from ..encode import EncoderConfig, TokenBatch, load_encoder, save_encoder
from ..errors import InputError
from ..tokenize import Tokenizer
from ..tokenize.batches import sorted_batches
from ..tokenize.fitting import load_fitting_tokenizer
from .pooled import PooledEncoder, Pooling
from .sentence_folder import SentenceFolder

__all__ = ["Embedder", "text_batch"]


def text_batch(rows: Sequence[Sequence[int]], *, pad_id: int) -> TokenBatch:
    """Pads single texts to one batch.

    Args:
        rows: Token ids of each, special ones included; at least one row.
        pad_id: Id of padding.

    Returns:
        The batch, [batch, longest row].
    """
    shape = (len(rows), max(map(len, rows)))
    ids = torch.full(shape, pad_id)
    mask = torch.zeros(shape, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.as_tensor(row)
        mask[i, : len(row)] = True
    nought = torch.zeros_like(ids)
    positions = torch.arange(shape[1]).expand(shape).where(mask, 0)
    return TokenBatch(token_ids=ids, type_ids=nought, position_ids=positions, side=nought, mask=mask)


class Embedder:
    """Texts to vectors, by an encoder of the BERT family.

    Args:
        network: The pooled encoder; put in evaluation mode.
        config: Its encoder's configuration.
        tokenizer: Text to token ids.
        layout: Pooling, prompts and limits.
        max_tokens: Largest number of rows times longest row in a batch.

    Example:
        ``Embedder.from_pretrained("runs/vectors").encode(["今天天气不错", "天气很好"])``
    """

    def __init__(
        self,
        network: PooledEncoder,
        config: EncoderConfig,
        tokenizer: Tokenizer,
        *,
        layout: SentenceFolder,
        max_tokens: int = 4096,
    ) -> None:
        self.network = network.eval()
        self.config = config
        self.tokenizer = tokenizer
        self.layout = layout
        self.max_tokens = max_tokens

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: torch.device | str | None = None) -> "Embedder":
        """Loads a folder in the layout of sentence-transformers, or one that holds an encoder only.

        Args:
            folder: The folder.
            device: Where to run; None is the CPU.

        Returns:
            The embedder; the encoder alone is pooled by the mean, its vectors brought to length 1.

        Raises:
            InputError: A file is missing or broken, or the folder holds something Yanmo does not have.
        """
        path = Path(folder)
        loaded = load_encoder(path)
        layout = SentenceFolder.read(path, width=loaded.config.width)
        network = PooledEncoder(loaded.encoder, pooling=Pooling(layout.pooling))
        tokenizer = load_fitting_tokenizer(path, loaded.config)
        return cls(network if device is None else network.to(device), loaded.config, tokenizer, layout=layout)

    @property
    def max_length(self) -> int | None:
        """Longest input in tokens, special ones included; what is longer is cut off at its end."""
        limits = [limit for limit in (self.layout.max_length, self.config.max_tokens) if limit is not None]
        return min(limits, default=None)

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Float32[np.ndarray, "n width"]:
        """Gives every text its vector; the same alone or in any company, to rounding.

        Args:
            texts: The texts.
            prompt: Name of the prompt to put before each; None takes the folder's default.

        Returns:
            Vectors in the given order, float32[n, width], of length 1 unless the folder says otherwise.

        Raises:
            InputError: One string was given instead of a list, or there is no such prompt.
        """
        if isinstance(texts, str):
            raise InputError(f"the text '{texts[:20]}' was given, expected a list of texts", fix="write [text]")
        before = self.layout.prompt(prompt)
        rows = self.token_ids([before + text for text in texts])
        vectors = np.empty((len(rows), self.config.width), dtype=np.float32)
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            for chosen in sorted_batches([len(row) for row in rows], max_tokens=self.max_tokens):
                batch = text_batch([rows[i] for i in chosen], pad_id=self.tokenizer.pad_id).to(device)
                pooled = self.network(batch).float()
                vectors[chosen] = (F.normalize(pooled, dim=-1) if self.layout.normalize else pooled).cpu().numpy()
        return vectors

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Gives what the encoder reads: ``[CLS] ids [SEP]``, cut to the longest input.

        Args:
            texts: The texts, prompts included.

        Returns:
            Token ids of each.
        """
        room = None if self.max_length is None else self.max_length - 2
        tokenizer = self.tokenizer
        return [
            [tokenizer.cls_id, *encoding.token_ids[:room].tolist(), tokenizer.sep_id]
            for encoding in (tokenizer.encode_batch(texts) if len(texts) else [])
        ]

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes encoder, tokenizer and layout so that ``SentenceTransformer(folder)`` gives the same vectors.

        A tokenizer of words is the exception: only Yanmo cuts by jieba, so such a folder is read by ``Embedder`` only.

        Args:
            folder: Made if missing; files of the same names are replaced.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        save_encoder(self.network.encoder, self.config, path)
        self.tokenizer.save(path)
        # modules.json comes last: with it the folder is an embedder.
        self.layout.write(path)
