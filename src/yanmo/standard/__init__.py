"""Standards of one's own: learned, promised, labelled, audited, explained; over evaluation, without torch."""

import lazy_loader

# At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audit": ["Audit", "Suspect", "audit_labels"],
        "audit_report": ["write_audit"],
        "base_rate": ["decision_at", "estimated_base_rate", "mix_note"],
        "compare": ["Change", "compare_matchers"],
        "explain": ["Explanation", "explain", "explain_pairs"],
        "kept_decision": ["keep_decision"],
        "learn": ["learn_standard", "remove_standard"],
        "threshold": ["ask_threshold", "base_rate_threshold", "promise_threshold"],
    },
)
