"""A random checkpoint of CPM-LM's size and layout: conversion, memory and speed are measured without the real one.

    python benchmarks/cpm_stand_in.py OUT [--small] [--shards 2] [--vocab-size 30000]

Writes OUT/mp_rank_NN_model_states.pt in float16: names, shapes and splits of the original, values of its initialization
(arXiv:2012.00413: a normal distribution of 0.02, divided by sqrt(2 layers) where a layer writes to the residual). The
files are laid out first and filled through a memory map, which the system may write to the disk at any time: a machine
with less memory than a shard manages too.
"""

import argparse
import math
import mmap
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from yanmo.convert.cpm_config import CPM_LM, CpmConfig
from yanmo.convert.megatron import MegatronRule, Split, megatron_rules

SMALL = CpmConfig(n_layers=4, width=256, n_heads=4, n_positions=1024, vocab_size=30000)


def main() -> None:
    """Writes the shards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--small", action="store_true", help="4 layers of width 256 (convert with --heads 4)")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--vocab-size", type=int, default=CPM_LM.vocab_size)
    arguments = parser.parse_args()
    config = replace(SMALL if arguments.small else CPM_LM, vocab_size=arguments.vocab_size)
    arguments.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for rank in range(arguments.shards):
        path = arguments.out / f"mp_rank_{rank:02d}_model_states.pt"
        write_shard(path, config, rank=rank, n_shards=arguments.shards)
        print(f"{path}  {path.stat().st_size / 1e9:.2f} GB  {time.monotonic() - began:.0f} s", flush=True)


def write_shard(path: Path, config: CpmConfig, *, rank: int, n_shards: int) -> None:
    """Writes one shard.

    Args:
        path: The file.
        config: The model's sizes.
        rank: Which shard.
        n_shards: Of how many.
    """
    rules = megatron_rules(config)
    with FakeTensorMode():
        module = {rule.source: torch.empty(rule.part_shape(n_shards), dtype=torch.float16) for rule in rules}
    with torch.serialization.skip_data(materialize_fake_tensors=True):
        torch.save({"module": module, "mp_world_size": n_shards, "iteration": 80000}, path)
    torch.serialization.set_default_mmap_options(mmap.MAP_SHARED)
    mapped = torch.load(path, mmap=True, weights_only=True)["module"]
    for index, rule in enumerate(rules):
        # What all shards have whole must be the same in each.
        seed = index * n_shards + (0 if rule.split is Split.WHOLE else rank)
        fill(mapped[rule.source], rule, torch.Generator().manual_seed(seed), n_layers=config.n_layers)


def fill(part: torch.Tensor, rule: MegatronRule, generator: torch.Generator, *, n_layers: int) -> None:
    """Fills a part with values like those of the initialization; norms and biases a little off 1 and 0.

    Args:
        part: The part, filled in place.
        rule: What it is.
        generator: The random numbers.
        n_layers: Number of layers.
    """
    scale = 0.02 / math.sqrt(2 * n_layers) if rule.split is Split.COLUMNS else 0.02
    mean = 1.0 if "layernorm.weight" in rule.source else 0.0
    part.normal_(mean, scale, generator=generator)


if __name__ == "__main__":
    main()
