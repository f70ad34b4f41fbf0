"""The rows of many videos that one task indexed."""

from __future__ import annotations

from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

INDEXING = RowSchema(
    (
        Column("uri", ColumnType.TEXT, "address of the video, without a connection or a signature", always=True),
        Column("outcome", ColumnType.TEXT, "indexed, reused (it was in the index already) or failed", always=True),
        Column("video_id", ColumnType.TEXT, "the video in the index"),
        Column("asset_id", ColumnType.TEXT, "the asset that it was made of, where there are assets"),
        Column("task_id", ColumnType.TEXT, "the indexing task, where there are no assets"),
        Column("reason", ColumnType.TEXT, "why it failed"),
        Column("error_type", ColumnType.TEXT, "name of the error that it failed with"),
        Column("duration_seconds", ColumnType.NUMBER, "length of the video"),
        Column("minutes", ColumnType.NUMBER, "minutes that its indexing billed to this task", always=True),
    ),
    "indexing",
)
