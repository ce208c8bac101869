"""Postcard: a small text-to-picture model trained from nothing on procedurally drawn pictures."""
