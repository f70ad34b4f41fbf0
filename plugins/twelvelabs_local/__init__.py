"""The embedded engine: it answers the TwelveLabs REST API on one's own machine and really does the work."""

from __future__ import annotations
