"""Settings of a run: a YAML file into a checked model, with overrides from the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ...errors import InputError
from ...yaml_file import parse_yaml, read_yaml, refusal_of

__all__ = ["load_settings"]

Model = TypeVar("Model", bound=BaseModel)


def load_settings(model: type[Model], path: Path | None, *, overrides: Sequence[str] = ()) -> Model:
    """Reads settings.

    Args:
        model: The class to fill; all of its fields have defaults.
        path: YAML file; None starts from the defaults.
        overrides: ``key=value`` each, a dot leading into a group; values are YAML.

    Returns:
        The checked settings. Their ``model_fields_set`` are those that file and overrides name, so that what suits a
        base may stand in for the others.

    Raises:
        InputError: The file or an override is wrong.
    """
    config = model() if path is None else read_yaml(path, model)
    values, given = config.model_dump(mode="json"), config.model_dump(mode="json", exclude_unset=True)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"the override '{override}' has no '='", fix="write key=value")
        *groups, name = key.strip().split(".")
        place: Any = values
        target = given
        for group in groups:
            place = place.get(group) if isinstance(place, dict) else None
            target = target.setdefault(group, {}) if isinstance(place, dict) else target
        if not isinstance(place, dict) or name not in place:
            raise InputError(f"there is no setting '{key}'", fix=f"the settings are {', '.join(values)}")
        try:
            place[name] = target[name] = parse_yaml(value)
        except InputError as error:
            raise InputError(f"the value of '{override}' is not YAML ({error.problem})", fix="quote it") from error
    try:
        return model.model_validate(given)
    except ValidationError as error:
        kind = "setting " if error.errors()[0]["loc"] else ""
        raise InputError(f"{kind}{refusal_of(error)}", where=path) from error
