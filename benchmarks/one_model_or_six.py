r"""The article's claim, measured: one conditional model against its alternatives at equal compute.

    python benchmarks/one_model_or_six.py BASE DATA --work DIR [--only ssA,ssB] [--set n_epochs=1]
    python benchmarks/one_model_or_six.py BASE DATA --work DIR --name crossing_standards --tasks standards \
        --only review_kind,review_opinion,intent,health --at-most 2000 --config recipes/standards.yaml \
        --crossed review_kind:review_opinion [--ways conditional,unconditional]

Four ways to serve several standards of match, each trained on the same pairs for the same number of epochs from the
same frozen lower layers: ``conditional`` (one model, condition in every learning norm), ``unconditional`` (one model,
one head, only a bias for each task), ``heads`` (one unconditional encoder, a head for each task) and ``separate`` (an
unconditional model for each task, on its own pairs). A pair is seen as often in all of them, so compute is equal.

With ``--crossed A:B`` the pairs of valid that A and B have both labelled are also judged under both: on standards that
cross, one score with two thresholds cannot be right on both, whatever the thresholds.

Each run is a folder in DIR: what is finished is not repeated, what was killed goes on. Judged on valid with thresholds
of the other half; mean and standard deviation over the seeds.
"""

from ways import compare_ways

PLAIN = ("architecture.conditional_from=null",)
WAYS = {
    "conditional": (),
    "unconditional": PLAIN,
    "heads": (*PLAIN, "architecture.separate_heads=true"),
    "separate": PLAIN,
}

if __name__ == "__main__":
    compare_ways("one_model_or_six", str(__doc__), WAYS, separate=["separate"])
