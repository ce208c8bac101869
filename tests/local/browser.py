"""A real browser, where the machine has one: Playwright brings none by pip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE_MS = 20_000
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MISSING = "there is no browser: install Chromium, or run `.venv/bin/playwright install chromium`"


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium without a window. Skips the test that asks for it where there is none.

    While it is open, this thread has a running event loop: nothing else may call asyncio.run.
    """
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = own if own.exists() else next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None:
            pytest.skip(_MISSING)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()
