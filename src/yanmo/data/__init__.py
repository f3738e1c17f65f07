"""The task table, and the files that pairs, documents and words come from: lines, rows, columns, labels; no torch."""

import lazy_loader

# At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "all_columns": ["column_names"],
        "budget": ["Budget", "WindowPool", "Windows"],
        "columns": ["Columns", "find_columns"],
        "encodings": ["AUTO"],
        "given_splits": ["is_one_table"],
        "held_out": ["split_off"],
        "named_tasks": ["task_names"],
        "pair": ["Pair"],
        "reading": ["PairReader", "count_rows", "read_pairs"],
        "rejects": ["OnBadLine", "RejectFile"],
        "row_sources": ["FileRows", "RowSource", "row_source"],
        "rows": ["FileFormat"],
        "split": ["fingerprint_pairs", "read_split"],
        "split_files": ["find_split"],
        "table_files": ["is_saved_dataset"],
        "tasks": ["Task", "TaskSet", "builtin_task_sets"],
    },
)
