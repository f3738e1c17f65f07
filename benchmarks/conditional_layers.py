"""How many of the upper layers take the task's vector: F1 and cost for k = all, 6, 4, 2 of a base of twelve.

    python benchmarks/conditional_layers.py BASE DATA --work DIR [--only ssA,ssB] [--set n_epochs=0.25]

All layers learn in every way, so that only the conditions differ; with k layers conditioned, ``score_all`` computes the
lower ones once for all tasks. What that saves is in ``benchmarks/shared_work.py``.

Each run is a folder in DIR: what is finished is not repeated, what was killed goes on.
"""

from ways import compare_ways

WAYS = {f"k{12 - first}": ("frozen_layers=0", f"architecture.conditional_from={first}") for first in (0, 6, 8, 10)}

if __name__ == "__main__":
    compare_ways("conditional_layers", str(__doc__), WAYS)
