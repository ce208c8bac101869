"""The playground in a real browser, against a real run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from darkroom import Darkroom
from tests.local.below_a_path import below
from tests.local.browser import PATIENCE_MS, open_browser
from tests.local.server import ROOT, Server, running
from tests.webhooks.receiver import receiving

DRAWING_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def quick(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with the real model's card, whose pattern engine takes no time."""
    data = tmp_path_factory.mktemp("quick") / "data"
    loopback = {"DARKROOM_WEBHOOK_LOOPBACK": "true"}
    with running(data, models=ROOT / "models", settings=loopback) as server:
        yield server


@pytest.fixture(scope="module")
def slow(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run that draws one picture at a time, slowly enough to be watched."""
    data = tmp_path_factory.mktemp("slow") / "data"
    alone = {"DARKROOM_BATCH": "1"}
    with running(data, engine_delay_ms=DRAWING_MS, settings=alone) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when its script throws or its policy forbids something."""
    context = browser.new_context()
    page, complaints = context.new_page(), []
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []


def draw(page: Page, prompt: str) -> None:
    page.fill("#prompt", prompt)
    page.click("#draw")


def until(page: Page, status: str) -> None:
    expect(page.locator("#easel")).to_have_attribute("data-state", status)


def test_a_prompt_becomes_a_picture_and_a_frame(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    draw(page, "three white moons on a black background")
    until(page, "succeeded")

    expect(page.locator("#picture")).to_be_visible()
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 128
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator("#frames li").first.locator("button")).to_have_attribute(
        "aria-label", re.compile("three white moons.*Done")
    )
    expect(page.locator("#warning")).to_be_hidden()


def test_a_variation_is_the_same_prompt_with_the_next_seed(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    page.fill("#seed", "4294967295")
    page.fill("#prompt", "a city and a road at night")
    page.press("#prompt", "Control+Enter")
    until(page, "succeeded")
    first = page.url
    page.click("#vary")
    page.wait_for_url(lambda url: url != first)
    until(page, "succeeded")

    expect(page.locator("#asked")).to_have_text("a city and a road at night")
    expect(page.locator("#frames li").first.locator(".edge b")).to_have_text("0")


def test_who_is_quicker_than_the_models_gets_the_service_s_own_choice(
    quick: Server, page: Page
) -> None:
    page.route("**/v1/models", lambda _: None)  # never answered
    page.goto(quick.base_url)
    draw(page, "two red boats on a lake")
    until(page, "succeeded")

    expect(page.locator("#picture")).to_be_visible()
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 128


def test_what_is_written_before_the_models_are_there_stays(quick: Server, page: Page) -> None:
    held: list[Route] = []
    page.route("**/v1/models", lambda route: held.append(route))
    page.goto(quick.base_url)
    page.fill("#width", "192")
    page.fill("#steps", "2")
    for route in held:
        route.continue_()

    expect(page.locator("#size-hint")).to_contain_text("64 to 256")
    expect(page.locator("#width")).to_have_value("192")
    expect(page.locator("#height")).to_have_value("128")
    expect(page.locator("#steps-dial")).to_have_value("2")


def test_unknown_words_are_pointed_out(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    draw(page, "a zebra at sunset")

    expect(page.locator("#warning")).to_contain_text("“zebra”")


def test_a_refusal_stands_beside_its_field(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    page.evaluate("document.getElementById('prompt').value = 'a \\u0001 hill'")
    page.click("#draw")

    expect(page.locator("#prompt-error")).to_contain_text("U+0001")
    expect(page.locator("#prompt")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#prompt")).to_be_focused()
    expect(page.locator("#problem")).to_contain_text("Request req_")


def test_what_is_beyond_the_limits_is_not_even_sent(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    expect(page.locator("#size-hint")).to_contain_text("64 to 256")
    page.fill("#width", "100")
    draw(page, "a hill")

    expect(page.locator("#width-error")).to_have_text("64 to 256, in steps of 32.")
    expect(page.locator("#width")).to_be_focused()


def test_a_prompt_that_looks_like_markup_is_shown_as_text(quick: Server, page: Page) -> None:
    prompt = "<img src=x onerror=alert(1)> a hill"
    page.goto(quick.base_url)
    draw(page, prompt)
    until(page, "succeeded")

    expect(page.locator("#asked")).to_have_text(prompt)
    assert page.locator("main img[src='x']").count() == 0


def test_an_older_picture_is_chosen_and_linked_to(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    for prompt in ("a red circle", "a blue star"):
        draw(page, prompt)
        expect(page.locator("#asked")).to_have_text(prompt)
        until(page, "succeeded")
    page.locator("#frames button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#asked")).to_have_text("a red circle")

    page.reload()
    expect(page.locator("#asked")).to_have_text("a red circle")
    page.go_back()
    expect(page.locator("#asked")).to_have_text("a blue star")
    assert page.locator("#frames [tabindex='0']").count() == 1


def test_a_job_is_watched_step_by_step_and_called_off(slow: Server, page: Page) -> None:
    page.goto(slow.base_url)
    page.fill("#steps", "40")
    draw(page, "a hill")
    draw(page, "a valley")
    until(page, "queued")
    expect(page.locator("#step")).to_have_text("Waiting for a free worker, 1 ahead")
    page.locator("#frames button").nth(1).click()
    expect(page.locator("#step")).to_have_text(re.compile("Step [1-9][0-9]? of 40"))
    expect(page.locator("#preview-picture")).not_to_have_js_property("naturalWidth", 0)

    for frame in (1, 0):
        page.locator("#frames button").nth(frame).click()
        page.click("#cancel")
        until(page, "canceled")
        expect(page.locator("#paper-text")).to_have_text("Called off")
        expect(page.locator("#preview-picture")).to_be_hidden()


def test_a_picture_for_each_line_fills_the_sheet_and_what_was_refused_says_why(
    quick: Server, page: Page
) -> None:
    page.goto(quick.base_url)
    page.fill("#prompt", "a cup\na jug")
    expect(page.locator("#prompt-count")).to_have_text("2 lines, drawn as one picture")
    page.check("#lines")
    page.evaluate("document.getElementById('prompt').value = 'a cup\\n\\na \\u0001 jug\\na jar\\n'")
    page.locator("#prompt").dispatch_event("input")
    page.get_by_role("button", name="Draw 3 pictures").click()
    counts = page.locator("#batch-counts")
    expect(counts).to_have_text("2 done, 1 refused")
    expect(page.locator("#batch-problems li")).to_contain_text(["Picture 2: Prompt: character U+"])
    page.click("#batch-only")
    shown = page.locator("#frames .frame:not([hidden])")
    expect(shown.locator("p")).to_have_text(["a cup", "a jar"])
    expect(shown.locator("img").last).not_to_have_js_property("naturalWidth", 0)

    page.reload()
    expect(counts).to_have_text("2 done, 1 refused")


def test_a_batch_is_called_off_at_once(slow: Server, page: Page) -> None:
    page.goto(slow.base_url)
    page.check("#lines")
    draw(page, "a mug\na pan\na pot")
    expect(page.locator("#batch-counts")).to_contain_text("queued")
    page.click("#batch-cancel")
    page.get_by_role("button", name="Really cancel all?").click()

    expect(page.locator("#batch-counts")).to_have_text("3 canceled")
    until(page, "canceled")


def test_what_it_would_come_to_is_told_before_it_is_sent(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    page.fill("#seed", "12")
    draw(page, "a gray boat")
    until(page, "succeeded")
    estimate = page.locator("#estimate")
    expect(estimate).to_have_text("At once, from the cache")
    page.fill("#seed", "")
    expect(estimate).to_have_text(re.compile("^There in .*s$"))
    page.fill("#prompt", "")
    expect(estimate).to_be_empty()


def test_what_a_webhook_was_told_is_shown_and_told_again(quick: Server, page: Page) -> None:
    with receiving(410) as receiver, Darkroom(quick.base_url) as room:
        job = room.wait(room.submit("a bell", webhook={"url": receiver.url}))
        page.goto(f"{quick.base_url}/#/v1/jobs/{job.id}")
        log = page.locator("#deliveries")
        expect(log).to_contain_text("job.completed failed")
        expect(log).to_contain_text("answered 410")
        page.click("#redeliver")

        expect(log).to_contain_text("job.completed delivered")
        expect(log.locator("li li")).to_have_count(2)


def test_a_key_is_asked_for_and_kept_in_the_tab_alone(
    browser: Browser, page: Page, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "infra.keys", "create", "acme", "--data", str(data)]
    key = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with running(data, models=ROOT / "models") as server:
        page.goto(server.base_url)
        expect(page.locator("#key-dialog")).to_be_visible()
        page.fill("#key", "dk_wrong")
        page.click("#key-use")
        expect(page.locator("#key-reason")).to_contain_text("does not take this key")
        page.fill("#key", key.strip())
        page.click("#key-use")
        draw(page, "mountains and rivers at sunset")
        until(page, "succeeded")

        expect(page.locator("#picture")).to_be_visible()
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        assert page.evaluate("Object.values(sessionStorage)") == [key.strip()]


def test_a_service_that_does_not_answer_is_told_and_found_again(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    expect(page.locator("#frames")).not_to_be_empty()
    page.context.set_offline(True)
    draw(page, "a hill")
    expect(page.locator("#problem")).to_contain_text("does not answer")

    page.context.set_offline(False)
    draw(page, "another hill")
    expect(page.locator("#asked")).to_have_text("another hill")
    expect(page.locator("#problem")).to_be_hidden()
    until(page, "succeeded")


def test_a_job_that_failed_says_why_is_tried_again_and_deleted(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    draw(page, "a hill #filtered")
    until(page, "failed")
    expect(page.locator("#fault")).to_contain_text("content_filtered")
    expect(page.locator("#picture")).to_be_hidden()

    page.click("#retry")
    expect(page.locator("#facts")).to_contain_text("Attempt2")
    until(page, "failed")
    page.click("#delete")
    page.locator("#frames button").nth(1).click()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    page.locator("#frames button").first.click()
    page.click("#delete")
    expect(page.locator("#asked")).to_have_text("a hill #filtered")
    page.get_by_role("button", name="Really delete?").click()
    expect(page.locator("#frames")).not_to_contain_text("#filtered")
    expect(page.locator("#asked")).not_to_have_text("a hill #filtered")


def test_a_job_from_elsewhere_appears_by_itself(quick: Server, page: Page) -> None:
    page.clock.install()
    page.goto(quick.base_url)
    expect(page.locator("#frames")).not_to_be_empty()
    with Darkroom(quick.base_url) as room:
        room.wait(room.submit("a purple fish from elsewhere"))
    page.clock.run_for(20_000)

    expect(page.locator("#frames")).to_contain_text("a purple fish from elsewhere")


def test_the_same_picture_again_is_told_to_be_from_the_cache(quick: Server, page: Page) -> None:
    page.goto(quick.base_url)
    page.fill("#seed", "11")
    draw(page, "a brown cat on a green background")
    until(page, "succeeded")
    page.click("#again")

    expect(page.locator("#status")).to_contain_text("From the cache in")
    expect(page.locator("#picture")).to_be_visible()


def test_below_a_path_of_its_host_it_draws_and_shows_its_contract(
    quick: Server, page: Page
) -> None:
    with below(quick.base_url, "/stage") as base_url:
        page.goto(f"{base_url}/")
        draw(page, "a yellow moon below a path")
        until(page, "succeeded")
        expect(page.locator("#picture")).to_be_visible()

        page.get_by_role("link", name="API").click()
        expect(page.locator("#operations-service-health")).to_contain_text("/healthz")
