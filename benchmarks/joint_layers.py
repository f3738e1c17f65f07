r"""Where joint attention begins, and which head: the same pairs, the same learning layers, other sights of each other.

    python benchmarks/joint_layers.py BASE DATA --work DIR [--only ssA,ssB] [--set n_epochs=0.5]
    python benchmarks/joint_layers.py BASE DATA --work DIR --name where_texts_meet --tasks standards \
        --only law,address,address_exact,bank,paraphrase,similar_strict --at-most 1500 --judge-at-most 800 \
        --config recipes/standards.yaml --set frozen_layers=0 --set evaluate_start=false --set n_epochs=1.2 \
        --ways from12,from12-alignment,from9,from6

``from12`` encodes each text alone to the end (of a base of twelve layers), ``from0`` is the ordinary cross-encoder.
``-pooled`` has one linear map of the first token instead of the interaction of the two sides, ``-mean`` the article's,
one linear map of the mean over all tokens, ``-alignment`` compares each token with its answer in the other text. In the
first form the lower nine layers are frozen in all ways, so below layer nine joint attention meets weights that never
saw two texts in one input and cannot learn to, and frozen states that depend on the pair are computed at every step, at
twice the time; in the second all layers learn.

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
} | {"from12-alignment": ("architecture.joint_from=12", "architecture.head=alignment")}

if __name__ == "__main__":
    compare_ways("joint_layers", str(__doc__), WAYS)
