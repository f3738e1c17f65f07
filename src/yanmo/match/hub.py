"""A matcher's folder fetched from the Hugging Face hub."""

from ..errors import InputError, require_extra
from .folder import ENGINE_FILES

__all__ = ["download"]


def download(repo_id: str, revision: str | None) -> str:
    """Fetches what a matcher needs, or finds it where it was fetched before.

    Args:
        repo_id: ``owner/name``.
        revision: Branch, tag or commit; None for the main branch.

    Returns:
        The folder.

    Raises:
        InputError: There is no such repository, or no network.
        MissingExtraError: huggingface_hub is not installed.
    """
    require_extra("huggingface_hub", extra="torch")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = [*ENGINE_FILES, "*.json", "*.txt", "*.model"]
    try:
        return str(snapshot_download(repo_id, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            "is no folder here, and cannot be fetched from the hub", where=repo_id, fix="check the path or the network"
        ) from error
