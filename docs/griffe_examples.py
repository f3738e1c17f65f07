"""Docstrings say ``Example:``; to the reader of docstrings behind the site a section of code is ``Examples:``."""

import re
from typing import Any

from griffe import Extension, Object


class SingularExamples(Extension):
    """Reads ``Example:`` as ``Examples:``, so that its lines are shown as code."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Rewrites the heading of each docstring that has one.

        Args:
            obj: What was found in the source.
        """
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
