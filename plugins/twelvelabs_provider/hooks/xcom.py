"""Registration of the classes that Airflow may deserialize from XCom."""

from __future__ import annotations

from twelvelabs_provider.version_compat.xcom import allow_in_xcom

_API = "twelvelabs_provider.api"
_ANSWERS = {
    "analysis.batch_models": "CreatedItem CreatedBatch WebhookReport AnalysisBatch BatchItemResult",
    "analysis.generation": "Generation",
    "analysis.stream": "StreamEvent",
    "analysis.summaries": "Chapter Highlight Summary",
    "analysis.usage": "Usage",
    "legacy.extras": "Engine SignedImage TaskCounts",
    "legacy.transfers": "TransferredFile TransferStatus StartedTransfer TransferLog",
    "connections": "Connection RedirectUri ImportItem Import",
    "embedding.embeddings_v1": "EmbeddingsByKind",
    "embedding.models": "Embedding EmbeddedInput Embeddings EmbeddingTask",
    "entities": "EntityCollection Entity CreatedEntity RefusedEntity BulkOutcome",
    "submitted_job": "Job",
    "knowledge.item_collections": "ItemCollection",
    "knowledge.knowledge_search": "KnowledgeMatch KnowledgeHit KnowledgeHits",
    "knowledge.knowledge_stores": "KnowledgeStore KnowledgeStoreItem Enrichment",
    "knowledge.response_stream": "ResponseEvent",
    "knowledge.responses": "Citation Response",
    "models": "Segment Model Index IndexingTask Video Rendition Asset AssetTranscription AnalysisTask Page",
    "multipart_uploads": "UploadedChunk UploadState IncompleteUpload ChunkReport",
    "paging": "PageInfo",
    "resources": "Resource CreatedTask",
    "search.request": "Match VideoMatches SearchPool SearchPage",
    "webhooks": "JobEnded IndexingEnded AnalysisEnded BatchEnded WebhookEvent",
}
"""Classes by module. They are named, not imported: the plugin is loaded in every process of Airflow."""


def answer_classes() -> list[str]:
    """Return the full names of the response classes."""
    return [f"{_API}.{module}.{name}" for module, names in _ANSWERS.items() for name in names.split()]


def allow_answers() -> None:
    """Allow these classes in XCom with Airflow's default settings."""
    allow_in_xcom(answer_classes())
