"""Reasons not to start."""

from __future__ import annotations


class Refused(Exception):
    """The run cannot start; its text is the one line that says why and what to do."""
