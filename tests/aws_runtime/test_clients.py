"""What is deployed, used as browsers and OpenAI's clients use it."""

from __future__ import annotations

import base64
import re

import httpx
from openai import OpenAI

from tests.aws_runtime.deployed import Deployed


def client(deployed: Deployed) -> OpenAI:
    base_url = f"{deployed.stack.url}/v1"
    return OpenAI(base_url=base_url, api_key=deployed.stack.key, max_retries=0)


def test_openais_client_gets_links_and_bytes(deployed: Deployed) -> None:
    with client(deployed) as openai:
        links = openai.images.generate(prompt="a red circle", n=2, size="64x64")
        inline = openai.images.generate(prompt="a hill", response_format="b64_json")
    pictures = [httpx.get(image.url or "").content for image in links.data or []]
    pictures += [base64.b64decode(image.b64_json or "") for image in inline.data or []]

    assert len(pictures) == 3
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_the_playground_may_show_and_read_what_links_lead_to(deployed: Deployed) -> None:
    page = deployed.http.get("/")
    (origin,) = re.findall(r"connect-src 'self' ([^;]+);", page.headers["Content-Security-Policy"])
    url = deployed.ended(deployed.submitted("a red circle"))["image"]["url"]
    picture = httpx.get(url, headers={"Origin": "https://elsewhere.example"})

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert deployed.http.get("/playground/app.js").status_code == 200
    assert url.startswith(f"{origin}/")
    assert picture.headers["Access-Control-Allow-Origin"] in ("*", "https://elsewhere.example")
