"""Which webhooks are not accepted, and what the caller is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service import Service, embedded_service

URLS = [
    "http://example.com/hook",
    "ftp://example.com/hook",
    "//example.com/hook",
    "example.com",
    "https://",
    "https:///hook",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com@10.0.0.1/",
    "https://example.com\\@10.0.0.1/",
    "https://example.com/#part",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://[::1/",
    "https://localhost/",
    "https://intranet/",
    "https://example.com./",
    "https://exa mple.com/",
    "https://example.com/\r\nHost: elsewhere",
    "https://exämple.com/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.168.0.1:8443/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://" + "a" * 64 + ".example.com/",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_must_not_be_called_is_refused_at_submit(tmp_path: Path, url: str) -> None:
    answer = embedded_service(tmp_path).post(
        "/v1/jobs", {"prompt": "a hill", "webhook": {"url": url}}
    )

    assert answer.status == 422, answer.text
    assert answer.json["code"] == "webhook_url_refused"
    assert [error["pointer"] for error in answer.json["errors"]] == ["/webhook/url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/a/b?c=d&e=%20",
        "https://hooks.example.com:8443/",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]:8443/",
    ],
)
def test_a_url_that_may_be_called_is_accepted(tmp_path: Path, url: str) -> None:
    service = embedded_service(tmp_path)
    job_id = service.submitted(webhook={"url": url})

    request = service.job(job_id)["request"]
    assert request["webhook"] == {"url": url, "events": ["job.completed"]}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/"])
def test_loopback_is_called_only_where_a_setting_allows_it(
    service: Service, tmp_path: Path, url: str
) -> None:
    body = {"prompt": "a hill", "webhook": {"url": url}}
    strict = embedded_service(tmp_path)

    assert service.post("/v1/jobs", body).status == 202
    assert strict.post("/v1/jobs", body).status == 422


@pytest.mark.parametrize(
    ("webhook", "pointer"),
    [
        ({}, "/webhook/url"),
        ({"url": ""}, "/webhook/url"),
        ({"url": 7}, "/webhook/url"),
        ({"url": "https://example.com", "events": []}, "/webhook/events"),
        ({"url": "https://example.com", "events": ["job.failed"]}, "/webhook/events/0"),
        ({"url": "https://example.com", "events": "job.started"}, "/webhook/events"),
        ({"url": "https://example.com", "secret": "mine"}, "/webhook/secret"),
        ("https://example.com", "/webhook"),
        ([], "/webhook"),
    ],
)
def test_a_webhook_that_is_none_is_refused_by_field(
    service: Service, webhook: object, pointer: str
) -> None:
    answer = service.post("/v1/jobs", {"prompt": "a hill", "webhook": webhook})

    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_one_idempotency_key_holds_for_one_webhook(service: Service) -> None:
    def body(*events: str) -> dict[str, object]:
        webhook = {"url": "https://example.com/", "events": list(events)}
        return {"prompt": "a hill", "webhook": webhook}

    first = body("job.started", "job.completed")
    same = body("job.completed", "job.started", "job.started")
    other = body("job.completed")
    answers = [service.post("/v1/jobs", sent, Idempotency_Key="k") for sent in (first, same, other)]
    assert [answer.status for answer in answers] == [202, 200, 422]
