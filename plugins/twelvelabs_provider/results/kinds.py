"""Row schemas of all kinds of results.

The JSON Schema files in ``schemas/``, the Arrow schema of Parquet files and the tables in ``docs/outputs.md`` are made
of them. After a change: ``python -m tests.output_schemas``; ``docs/outputs.md`` says when a version is raised.
"""

from __future__ import annotations

from collections.abc import Mapping

from twelvelabs_provider.storage.formats import SEGMENT_COLUMNS
from twelvelabs_provider.storage.layout import ResultKind
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

_TEXT = ColumnType.TEXT
_START, _END, _ = SEGMENT_COLUMNS
_SUMMARY = Column("summary", _TEXT, "what happens in it", always=True)


def _value(meaning: str) -> Column:
    return Column("value", _TEXT, meaning, always=True)


TRANSCRIPTION = RowSchema((_START, _END, _value("what was said")), "transcription", rest=True)
TEXT_IN_VIDEO = RowSchema((_START, _END, _value("the text that was shown")), "text_in_video", rest=True)
LOGO = RowSchema((_START, _END, _value("name of the logo")), "logo", rest=True)
CHAPTERS = RowSchema(
    (
        _START,
        _END,
        _value("title of the chapter"),
        Column("number", ColumnType.WHOLE, "from 1, in order of time", always=True),
        _SUMMARY,
    ),
    "chapters",
)
HIGHLIGHTS = RowSchema((_START, _END, _value("what stands out"), _SUMMARY), "highlights")
ANALYSIS_SEGMENTS = RowSchema(
    (
        _START,
        _END,
        _value("the text among the fields; empty if there is none"),
        Column("definition", _TEXT, "id of the segment definition that it is of", always=True),
    ),
    "analysis_segments",
    rest=True,
)
ANALYSIS = RowSchema(
    (
        Column("text", _TEXT, "the answer; null if JSON was requested"),
        Column("data", ColumnType.JSON, "the answer that follows the JSON schema of the question; null for a text"),
    ),
    "analysis",
)
_SUMMARY_COLUMNS = {
    "summary": Column("summary", _TEXT, "the video in some sentences", always=True),
    "title": Column("title", _TEXT, "a title for it", always=True),
    "topics": Column("topics", ColumnType.TEXTS, "what it is about", always=True),
    "hashtags": Column("hashtags", ColumnType.TEXTS, "for posting it", always=True),
}
SUMMARY = RowSchema((_SUMMARY_COLUMNS["summary"],), "summary")
TITLES = RowSchema((_SUMMARY_COLUMNS["title"],), "titles")
TOPICS = RowSchema((_SUMMARY_COLUMNS["topics"],), "topics")
HASHTAGS = RowSchema((_SUMMARY_COLUMNS["hashtags"],), "hashtags")
GIST = RowSchema(tuple(_SUMMARY_COLUMNS[name] for name in ("title", "topics", "hashtags")), "gist")
SEARCH = RowSchema(
    (
        Column("position", ColumnType.WHOLE, "among all results, from 1", always=True),
        Column("video_id", _TEXT, "the video", always=True),
        Column("start", ColumnType.NUMBER, "first second of the clip", always=True),
        Column("end", ColumnType.NUMBER, "last second of the clip", always=True),
        Column("rank", ColumnType.WHOLE, "1 is the best (v1.3)"),
        Column("score", ColumnType.NUMBER, "how well it matches, 0 to 100 (v1.1, v1.2)"),
        Column("confidence", _TEXT, "high, medium or low (v1.1, v1.2)"),
        Column("transcription", _TEXT, "what is said in it; null if the service does not say"),
        Column("modules", ColumnType.TEXTS, "the options that it was found by (v1.1, v1.2)"),
        Column("user_metadata", ColumnType.JSON, "your own fields on the video, if they were requested"),
    ),
    "search",
)
KNOWLEDGE_SEARCH = RowSchema(
    (
        Column("rank", ColumnType.WHOLE, "from 1, the best; the clips of one item share it", always=True),
        Column("item_id", _TEXT, "the item of the store", always=True),
        Column("asset_type", _TEXT, "video or image", always=True),
        Column("start", ColumnType.NUMBER, "first second of the clip; null for images"),
        Column("end", ColumnType.NUMBER, "last second of the clip; null for images"),
        Column("modalities", ColumnType.TEXTS, "what it was found by: visual, audio"),
        Column("transcription", _TEXT, "what is said in it; null if the service does not say"),
    ),
    "knowledge_search",
)
KNOWLEDGE_RESPONSE = RowSchema(
    (
        Column("question", _TEXT, "what was asked", always=True),
        Column("answer", _TEXT, "the whole answer", always=True),
        Column("citations", ColumnType.JSON, "list of start_index, end_index, item_id, start, end, title", always=True),
        Column("response_id", _TEXT, "id on the service"),
        Column("session_id", _TEXT, "id of the conversation"),
        Column("model", _TEXT, "who answered"),
        Column("usage", ColumnType.JSON, "input_tokens and output_tokens"),
    ),
    "knowledge_response",
)
EMBEDDINGS = RowSchema(
    (
        Column("start", ColumnType.NUMBER, "first second of the clip; null for texts and images"),
        Column("end", ColumnType.NUMBER, "last second of the clip; null for texts and images"),
        Column("option", _TEXT, "visual, audio, transcription or fused; null for texts and images"),
        Column("scope", _TEXT, "clip or asset; null for texts and images"),
        Column("embedding", ColumnType.VECTOR, "as many numbers as the manifest's dimensions", always=True),
    ),
    "embeddings",
)
VIDEOS = RowSchema(
    (
        Column("video_id", _TEXT, "the video", always=True),
        Column("asset_id", _TEXT, "the asset that it was made of, where there is one"),
        Column("status", _TEXT, "ready, failed, ..."),
        Column("filename", _TEXT, "name of the file"),
        Column("duration", ColumnType.NUMBER, "seconds"),
        Column("fps", ColumnType.NUMBER, "pictures a second"),
        Column("width", ColumnType.WHOLE, "pixels"),
        Column("height", ColumnType.WHOLE, "pixels"),
        Column("size", ColumnType.WHOLE, "bytes"),
        Column("user_metadata", ColumnType.JSON, "fields of your own"),
        Column("created_at", _TEXT, "ISO 8601 time"),
        Column("updated_at", _TEXT, "ISO 8601 time"),
        Column("indexed_at", _TEXT, "ISO 8601 time"),
    ),
    "videos",
)
ANALYSIS_BATCH = RowSchema(
    (
        Column("item", ColumnType.WHOLE, "place of the item in the list that was given, from 0", always=True),
        Column("custom_id", _TEXT, "id that was given with the item"),
        Column("asset_id", _TEXT, "asset that was given with the item"),
        Column("status", _TEXT, "ready, failed, canceled, or missing (the service says nothing of it)", always=True),
        Column("data", _TEXT, "the answer, JSON text if a response format was requested; null unless ready"),
        Column("finish_reason", _TEXT, "stop, or length where the answer was cut off"),
        Column("input_tokens", ColumnType.WHOLE, "tokens that were billed"),
        Column("output_tokens", ColumnType.WHOLE, "tokens that were billed"),
        Column("error_code", _TEXT, "why there is no answer"),
        Column("error_message", _TEXT, "why there is no answer"),
        Column("task_id", _TEXT, "analysis task of the item"),
        Column("batch_id", _TEXT, "batch that the item was sent in"),
    ),
    "analysis_batch",
)
ENTITIES = RowSchema(
    (
        Column("position", ColumnType.WHOLE, "place in the list that was given, from 0", always=True),
        Column("name", _TEXT, "name of the entity", always=True),
        Column("outcome", _TEXT, "created, existed or refused", always=True),
        Column("entity_id", _TEXT, "id on the service; null if refused"),
        Column("reason", _TEXT, "why it was refused"),
    ),
    "entities",
)
IMPORTS = RowSchema(
    (
        Column("source_id", _TEXT, "the provider's id, or the file's name in the bucket", always=True),
        Column("action", _TEXT, "created, skipped, retried or rejected; null where the service does not say"),
        Column("status", _TEXT, "of the asset or video: ready, failed, ...; missing where it was deleted meanwhile"),
        Column("asset_id", _TEXT, "the asset that it became"),
        Column("video_id", _TEXT, "the video that it became"),
        Column("error_code", _TEXT, "why it did not arrive"),
        Column("error_message", _TEXT, "why it did not arrive"),
    ),
    "imports",
)
VIDEO_LIST = RowSchema(
    (
        Column("uri", _TEXT, "where it can be read, with the connection as user where one is needed", always=True),
        Column("size", ColumnType.WHOLE, "bytes; null where it is not known"),
        Column("version", _TEXT, "changes when the content changes; empty if not known", always=True),
        Column("modified", _TEXT, "ISO 8601 time in UTC; null where the store does not tell"),
        Column("subtitle", _TEXT, "URI of the SRT or VTT file that lies beside it"),
    ),
    "video_list",
)
KINDS = (
    TRANSCRIPTION, TEXT_IN_VIDEO, LOGO, CHAPTERS, HIGHLIGHTS, SUMMARY, TITLES, TOPICS, HASHTAGS, GIST, ANALYSIS,
    ANALYSIS_SEGMENTS, ANALYSIS_BATCH, SEARCH, EMBEDDINGS, KNOWLEDGE_SEARCH, KNOWLEDGE_RESPONSE, VIDEOS, VIDEO_LIST,
    ENTITIES, IMPORTS,
)  # fmt: skip
"""All of them, in the order of the documentation."""
SEGMENTS: Mapping[str, RowSchema] = {
    ResultKind.TRANSCRIPTION: TRANSCRIPTION,
    ResultKind.TEXT_IN_VIDEO: TEXT_IN_VIDEO,
    ResultKind.LOGO: LOGO,
}
SUMMARIES: Mapping[str, RowSchema] = {
    schema.name or "": schema for schema in (SUMMARY, TITLES, TOPICS, HASHTAGS, GIST, CHAPTERS, HIGHLIGHTS)
}
