"""Times in the service's format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """Return the current time in the service's format: RFC 3339, UTC, milliseconds."""
    return format_time(datetime.now(UTC))


def format_time(moment: datetime) -> str:
    """Return a time in the service's format.

    :param moment: a time with a time zone.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time. A time without an offset is UTC.

    :param text: for example ``2026-06-01T10:00:00Z``.
    :raises ValueError: when the text is no time.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def add_seconds(text: str, seconds: float) -> str:
    """Return the time some seconds after another.

    :param text: a time in the service's format.
    """
    return format_time(parse_time(text) + timedelta(seconds=seconds))
