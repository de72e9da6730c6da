"""Losses of Arrow columns, and of files of them: what `loss-service evaluate` runs. Needs pyarrow, the extra `files`."""

from service.files.columns import loss_columns

__all__ = ["loss_columns"]
