"""Answers beside the data they are for: in a data frame of the data's own kind."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from ..data import Pair
from ..errors import InputError, MissingExtraError

__all__ = ["with_answers"]

_LIBRARIES = ("pandas", "polars", "pyarrow")


def with_answers(
    data: Any, pairs: Sequence[Pair], answers: Mapping[str, list[Any]], *, keep: Sequence[str] | None
) -> Any:
    """Puts answers beside the columns kept.

    Args:
        data: What the pairs were read from.
        pairs: The pairs, one a row, with the values kept.
        answers: The columns to add, as long as ``pairs``.
        keep: Names of the columns of the data to keep; None for all.

    Returns:
        A frame of the data's own kind, columns with their own types; a ``datasets.Dataset`` of one. Of all else a frame
        of pandas, polars or pyarrow, the first that is installed.

    Raises:
        InputError: A column kept is called as an answer.
        MissingExtraError: None of the three is installed.
    """
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, nw.DataFrame):
        names = [name for name in (frame.columns if keep is None else keep) if name != "id"]
        _refuse_repeated(names, answers)
        kept = frame.select(names) if names else None
        made = [nw.new_series(name, values, backend=frame.implementation) for name, values in answers.items()]
        if kept is None:
            return nw.from_dict(dict(answers), backend=frame.implementation).to_native()
        index = nw.maybe_get_index(frame)
        made = made if index is None else [nw.maybe_set_index(series, index=index) for series in made]
        return kept.with_columns(made).to_native()
    if hasattr(data, "with_format") and hasattr(data, "num_rows"):  # a datasets.Dataset
        names = [name for name in (data.column_names if keep is None else keep) if name != "id"]
        _refuse_repeated(names, answers)
        made_set = data.select_columns(names) if names else None
        if made_set is None:
            return type(data).from_dict(dict(answers))
        for name, values in answers.items():
            made_set = made_set.add_column(name, values)
        return made_set
    kept_names = [name for name in dict.fromkeys(n for pair in pairs for n in pair.kept or ()) if name != "id"]
    _refuse_repeated(kept_names, answers)
    columns = {name: [(pair.kept or {}).get(name) for pair in pairs] for name in kept_names} | dict(answers)
    library: Any = next((name for name in _LIBRARIES if importlib.util.find_spec(name)), None)
    if library is None:
        raise MissingExtraError(
            "A data frame needs pandas, polars or pyarrow, and none is installed. Fix: pip install 'yanmo[tables]', or "
            "name a file to write by out=."
        )
    return nw.from_dict(columns, backend=library).to_native()


def _refuse_repeated(names: Sequence[str], answers: Mapping[str, Any]) -> None:
    repeated = [name for name in names if name in answers]
    if repeated:
        raise InputError(
            f"the column '{repeated[0]}' of the data would stand beside the answer of that name",
            fix="keep others, by keep=[...] or keep='none', or rename it",
        )
