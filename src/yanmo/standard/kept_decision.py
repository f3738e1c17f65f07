"""A standard's decision rule written into a matcher's folder, or into a new one."""

from pathlib import Path

from ..errors import InputError
from ..match import Decision, Matcher, MatchingFile
from ..match.decisions import MATCHING_FILE
from ..match.folder_record import replacing_file

__all__ = ["keep_decision"]


def keep_decision(matcher: Matcher, decision: Decision, *, task: str, folder: Path, into: Path | None = None) -> Path:
    """Writes a decision rule into ``matching.json``; weights are not touched.

    Args:
        matcher: The matcher that stands in the folder.
        decision: The rule.
        task: Name of the standard.
        folder: The matcher's folder.
        into: A new folder for the whole matcher, which leaves the old one as it is; None changes the folder itself.

    Returns:
        The folder that holds the rule.

    Raises:
        InputError: There is no such folder (the bundled matcher, one of a hub), or the new one holds something.
    """
    if into is not None:
        Matcher(matcher.engine, matcher.pair_encoder, matcher.matching.with_decision(task, decision)).save_pretrained(
            into
        )
        return into
    if not (folder / MATCHING_FILE).is_file():
        raise InputError("is no folder of yours to write into", where=folder, fix="name a new one with --out")
    # Read anew: another process may have set another standard's threshold since the matcher was loaded.
    current = MatchingFile.load(folder)
    with replacing_file(folder, MATCHING_FILE):
        current.with_decision(task, decision).save(folder)
    return folder
