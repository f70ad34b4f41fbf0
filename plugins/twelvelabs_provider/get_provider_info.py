"""Metadata of the provider for Airflow, which reads it without importing the provider."""

from __future__ import annotations

from typing import Any

_OPERATORS = (
    "analyze", "batch", "catalog", "summarize", "assets", "discover", "indexes", "index_video", "index_videos",
    "list_videos", "embed", "extract", "extract_videos", "imports", "logo", "search", "entity", "entities",
    "unpublished", "knowledge_store", "knowledge_search", "knowledge_ask",
)  # fmt: skip
_SENSORS = (
    "analysis", "asset", "batch", "embedding", "indexing", "imports", "entity", "knowledge_store",
)  # fmt: skip
_SECONDS = {"type": ["number", "null"], "exclusiveMinimum": 0}


def get_provider_info() -> dict[str, Any]:
    """Return the connection form, the configuration, and the modules of hooks, operators, sensors and triggers."""
    return {
        "package-name": "airflow-provider-twelvelabs",
        "name": "TwelveLabs",
        "description": "`TwelveLabs <https://www.twelvelabs.io/>`__ understands video.",
        "integrations": [
            {
                "integration-name": "TwelveLabs",
                "external-doc-url": "https://docs.twelvelabs.io/",
                "tags": ["service"],
            }
        ],
        "hooks": [_modules("hooks", "twelvelabs", "twelvelabs_async")],
        "operators": [_modules("operators", *_OPERATORS)],
        "sensors": [_modules("sensors", *_SENSORS)],
        "triggers": [_modules("triggers", "job", "jobs", "timer", "video_ready")],
        "extra-links": ["twelvelabs_provider.links.TwelveLabsPlaygroundLink"],
        "connection-types": [_connection_type()],
        "config": {"twelvelabs": _configuration()},
    }


def _modules(package: str, *names: str) -> dict[str, Any]:
    return {
        "integration-name": "TwelveLabs",
        "python-modules": [f"twelvelabs_provider.{package}.{name}" for name in names],
    }


def _configuration() -> dict[str, Any]:
    return {
        "description": "Options of the TwelveLabs provider.",
        "options": {
            "local_sources": {
                "description": (
                    "Folders, separated by commas or colons, whose files may be sent to the service. Links are resolved"
                    " before the check. Empty: all files that the worker can read."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "/data/videos,/mnt/archive",
                "default": "",
            },
        },
    }


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "twelvelabs",
        "hook-class-name": "twelvelabs_provider.hooks.twelvelabs.TwelveLabsHook",
        "hook-name": "TwelveLabs",
        "ui-field-behaviour": {
            "hidden-fields": ["login", "schema", "port", "extra"],
            "relabeling": {"password": "API key", "host": "Host (optional)"},
            "placeholders": {"password": "tlk_...", "host": "https://api.twelvelabs.io"},
        },
        "conn-fields": {
            "api_version": {
                "label": "API version",
                "description": "Generation of the API (v1.3).",
                "schema": {"type": ["string", "null"], "enum": ["v1.3", "v1.2", "v1.1", None], "default": "v1.3"},
            },
            "connect_timeout": {
                "label": "Connect timeout",
                "description": "Seconds to wait for a connection (10).",
                "schema": _SECONDS,
            },
            "read_timeout": {
                "label": "Read timeout",
                "description": "Seconds to wait for the next bytes of a response (120).",
                "schema": _SECONDS,
            },
            "max_attempts": {
                "label": "Attempts",
                "description": "Maximum number of attempts of a call that is safe to repeat (5).",
                "schema": {"type": ["integer", "null"], "minimum": 1},
            },
            "verify": {
                "label": "TLS verification",
                "description": (
                    "Path of the trusted CA certificates, a PEM file or a folder; false accepts every certificate."
                    " Empty: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR applies."
                ),
                "schema": {"type": ["string", "null"]},
            },
            "proxy": {
                "label": "Proxy",
                "description": (
                    "http://host:port, or none. Empty: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY apply."
                ),
                "schema": {"type": ["string", "null"]},
            },
        },
    }
