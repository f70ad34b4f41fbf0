"""Embedded engine that serves the TwelveLabs REST API on the local machine and does the work for real."""

from __future__ import annotations
