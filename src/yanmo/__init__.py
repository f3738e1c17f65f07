"""Yanmo 研墨: Chinese text matching under many standards, and the training dynamics behind it."""

__all__: list[str] = []
