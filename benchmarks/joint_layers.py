"""Where joint attention begins, and which head: the same pairs, the same learning layers, other sights of each other.

    python benchmarks/joint_layers.py BASE DATA --work DIR [--only ssA,ssB] [--set n_epochs=0.5]

``from12`` encodes each text alone to the end (of a base of twelve layers), ``from0`` is the ordinary cross-encoder. The
lower nine layers are frozen in all ways, so below layer nine joint attention meets weights that never saw two texts in
one input and cannot learn to. ``-pooled`` has one linear map of the first token instead of the interaction of the two
sides, ``-mean`` the article's, one linear map of the mean over all tokens. Below nine the frozen states depend on the
pair and are computed at every step, at twice the time.

Each run is a folder in DIR: what is finished is not repeated, what was killed goes on.
"""

from ways import compare_ways

WAYS = {
    f"from{layer}{suffix}": (f"architecture.joint_from={layer}", *overrides)
    for suffix, overrides in (
        ("", ()),
        ("-mean", ("architecture.head=mean",)),
        ("-pooled", ("architecture.head=pooled",)),
    )
    for layer in (12, 9, 6, 0)
}

if __name__ == "__main__":
    compare_ways("joint_layers", str(__doc__), WAYS)
