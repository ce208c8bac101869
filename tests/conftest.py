"""Fixtures for every test."""

pytest_plugins = ["tests.aws_local.fixtures"]
