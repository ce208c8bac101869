"""What is AWS's alone: where clients go, whose links end when, what is forgotten, which errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from shared import transitions
from shared.aws import clients, items, submission
from shared.aws.errors import translated
from shared.aws.image_store import S3ImageStore, credentials_end
from shared.aws.job_table import DynamoJobTable
from shared.aws.queue import SqsQueue
from shared.aws.schema import SHARDS
from shared.aws.watch import PollingWatch
from shared.errors import DarkroomError, ImageMissing, Unavailable
from shared.ports import Submission
from tests.aws_local.places import Clients, new_bucket, new_table
from tests.contract.samples import NOW_MS, key, new_id, queued, spec

DAY_S = 86_400


@pytest.mark.parametrize("with_key", [None, key()], ids=["without a key", "with a key"])
def test_submitting_the_very_same_job_again_finds_it(aws_local: Clients, with_key: Any) -> None:
    table, job = _table(aws_local), queued()
    for _ in range(2):
        submitted = table.submit(job, with_key, now_ms=NOW_MS)
        assert submitted == Submission(job=job, replayed=False)


def test_a_replay_of_a_job_that_was_forgotten_has_no_job(aws_local: Clients) -> None:
    name = new_table(aws_local.dynamodb)
    table, job = _table(aws_local, name), queued()
    table.submit(job, key(), now_ms=NOW_MS)
    aws_local.dynamodb.delete_item(TableName=name, Key={"pk": items.job_key(job.id)})
    assert table.submit(queued(), key(), now_ms=NOW_MS) == Submission(job=None, replayed=True)


def test_rows_and_keys_are_forgotten_in_their_time(aws_local: Clients) -> None:
    name = new_table(aws_local.dynamodb)
    job, once = queued(), key(expires_ms=NOW_MS + 1)
    _table(aws_local, name).submit(job, once, now_ms=NOW_MS)
    row = _item(aws_local, name, items.job_key(job.id))
    assert int(row["exp"]["N"]) == job.expires_ms // 1000 + 7 * DAY_S
    assert int(_item(aws_local, name, submission.key_pk(once))["exp"]["N"]) > NOW_MS / 1000


def test_a_job_is_stored_without_what_it_does_not_have(aws_local: Clients) -> None:
    name, job = new_table(aws_local.dynamodb), queued()
    _table(aws_local, name).submit(job, None, now_ms=NOW_MS)
    row = _item(aws_local, name, items.job_key(job.id))
    assert {"nb", "lown", "luntil", "began", "fin", "prog", "img", "took", "fault"}.isdisjoint(row)


def test_jobs_are_spread_over_all_shards_of_the_due_index() -> None:
    assert {items.item_from(queued())["shard"]["S"] for _ in range(200)} == set(SHARDS)


def test_places_that_do_not_exist_are_unavailable(aws_local: Clients) -> None:
    queue_url = f"{aws_local.sqs.meta.endpoint_url}/000000000000/no-queue"
    with pytest.raises(Unavailable):
        _table(aws_local, "no-table").get(new_id())
    with pytest.raises(Unavailable):
        SqsQueue(aws_local.sqs, queue_url).send("ring")
    with pytest.raises(Unavailable):
        S3ImageStore(aws_local.s3, "no-bucket").put("k", b"", content_type="image/png")


def _refreshable(end: datetime) -> RefreshableCredentials:
    return RefreshableCredentials("id", "secret", "token", end, lambda: {}, "test")


def test_a_link_never_promises_more_than_its_credentials_allow(aws_local: Clients) -> None:
    bucket = new_bucket(aws_local.s3)
    store = S3ImageStore(aws_local.s3, bucket, credentials_end=lambda now_ms: now_ms + 5_000)
    assert store.link("k", now_ms=NOW_MS, lasts_s=60).expires_ms == NOW_MS + 5_000
    assert store.link("k", now_ms=NOW_MS, lasts_s=3).expires_ms == NOW_MS + 3_000


def test_a_link_lasts_a_week_at_most(aws_local: Clients) -> None:
    store = S3ImageStore(aws_local.s3, new_bucket(aws_local.s3))
    link = store.link("k", now_ms=NOW_MS, lasts_s=30 * DAY_S)
    assert link.expires_ms == NOW_MS + 7 * DAY_S * 1000


def test_the_end_of_credentials_is_read_from_them() -> None:
    end = datetime(2100, 1, 1, tzinfo=UTC)
    assert credentials_end(Credentials("id", "secret"), NOW_MS) is None
    assert credentials_end(Credentials("id", "secret", "token"), NOW_MS) == NOW_MS + 900_000
    assert credentials_end(_refreshable(end), NOW_MS) == end.timestamp() * 1000


def test_a_store_asks_its_own_client_for_the_end_of_its_credentials(
    aws_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2100-01-01T00:00:00Z")
    end_ms = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
    store = S3ImageStore(clients.s3(), "images")
    assert store.link("k", now_ms=end_ms - 2_000, lasts_s=60).expires_ms == end_ms


def test_links_name_the_buckets_own_region(
    aws_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    url = S3ImageStore(clients.s3(), "images").link("k", now_ms=NOW_MS, lasts_s=60).url
    assert url.startswith("https://images.s3.eu-west-1.amazonaws.com/k?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


def test_clients_go_where_the_environment_sends_them(
    aws_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for make in (clients.dynamodb, clients.sqs, clients.s3):
        assert make().meta.endpoint_url == "http://127.0.0.1:9"
        assert make("http://127.0.0.1:7").meta.endpoint_url == "http://127.0.0.1:7"


def test_an_sqs_client_outwaits_the_longest_poll(aws_credentials: None) -> None:
    assert clients.sqs().meta.config.read_timeout > clients.LONGEST_POLL_S


@pytest.mark.parametrize(
    ("wait_s", "limit", "asked_wait", "asked_limit"),
    [(0, 1, 0, 1), (0.05, 3, 1, 3), (20, 10, 20, 10), (60, 50, 20, 10)],
)
def test_sqs_is_asked_for_whole_seconds_and_within_its_limits(
    aws_credentials: None, wait_s: float, limit: int, asked_wait: int, asked_limit: int
) -> None:
    client = clients.sqs("http://127.0.0.1:9")
    asked = {
        "QueueUrl": "http://127.0.0.1:9/jobs",
        "WaitTimeSeconds": asked_wait,
        "MaxNumberOfMessages": asked_limit,
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
    }
    with Stubber(client) as stub:
        stub.add_response("receive_message", {}, asked)
        queue = SqsQueue(client, "http://127.0.0.1:9/jobs")
        assert list(queue.receive(wait_s=wait_s, limit=limit)) == []


@pytest.mark.parametrize(("seconds", "asked"), [(-3, 0), (0.05, 1), (7 * DAY_S, 12 * 3600)])
def test_sqs_is_asked_to_hide_within_its_limits(
    aws_credentials: None, seconds: float, asked: int
) -> None:
    client, url = clients.sqs("http://127.0.0.1:9"), "http://127.0.0.1:9/jobs"
    expected = {"QueueUrl": url, "ReceiptHandle": "receipt", "VisibilityTimeout": asked}
    with Stubber(client) as stub:
        stub.add_response("change_message_visibility", {}, expected)
        SqsQueue(client, url).hide("receipt", seconds=seconds)
        stub.assert_no_pending_responses()


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no matter"}}, "Operation")


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (_client_error("NoSuchKey"), ImageMissing),
        (_client_error("AccessDenied"), Unavailable),
        (_client_error("ThrottlingException"), Unavailable),
        (_client_error("NoSuchBucket"), Unavailable),
        (_client_error("a code of next year"), Unavailable),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), Unavailable),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:9"), Unavailable),
        (ResponseParserError("not XML"), Unavailable),
    ],
)
def test_foreign_errors_become_ours_and_stay_attached(
    foreign: Exception, ours: type[DarkroomError]
) -> None:
    with pytest.raises(ours) as caught, translated():
        raise foreign
    assert caught.value.__cause__ is foreign


def test_our_own_errors_pass_as_they_are() -> None:
    mine = ImageMissing("mine")
    with pytest.raises(ImageMissing) as caught, translated():
        raise mine
    assert caught.value is mine


def test_a_watch_naps_longer_and_longer_but_never_past_its_end(aws_local: Clients) -> None:
    table, job, naps = _table(aws_local), queued(), list[float]()
    table.submit(job, None, now_ms=NOW_MS)
    watch = PollingWatch(table, sleep=naps.append, monotonic=lambda: sum(naps))
    assert not watch.wait(job.id, seen_version=job.version, timeout_s=4.0)
    assert naps[0] == 0.25 and max(naps) == 1.0
    assert naps[:-1] == sorted(naps[:-1]) and sum(naps) == 4.0


def _table(local: Clients, name: str | None = None) -> DynamoJobTable:
    name = name or new_table(local.dynamodb)
    return DynamoJobTable(local.dynamodb, name, sleep=lambda _: None, jitter=lambda: 0.0)


def _item(local: Clients, table: str, key: items.Value) -> dict[str, Any]:
    item: dict[str, Any] = local.dynamodb.get_item(TableName=table, Key={"pk": key})["Item"]
    return item


def test_what_s3_does_not_delete_is_told(aws_credentials: None) -> None:
    client = clients.s3("http://127.0.0.1:9")
    with Stubber(client) as stub:
        stub.add_response("list_objects_v2", {"Contents": [{"Key": "images/a/1.png"}]})
        stub.add_response("delete_objects", {"Errors": [{"Key": "images/a/1.png"}]})
        stub.add_response("list_objects_v2", {})
        with pytest.raises(Unavailable):
            S3ImageStore(client, "images").erase("a")


def test_more_objects_than_s3_deletes_at_once_are_deleted_in_turn(aws_credentials: None) -> None:
    client, deleted = clients.s3("http://127.0.0.1:9"), 0
    with Stubber(client) as stub:
        for many in (1000, 1000, 3):
            keys = [{"Key": f"images/a/{deleted + number}.png"} for number in range(many)]
            listed = {"Bucket": "images", "Prefix": "images/a/"}
            stub.add_response("list_objects_v2", {"Contents": keys}, listed)
            asked = {"Bucket": "images", "Delete": {"Objects": keys, "Quiet": True}}
            stub.add_response("delete_objects", {}, asked)
            deleted += many
        stub.add_response("list_objects_v2", {})
        S3ImageStore(client, "images").erase("a")
        stub.assert_no_pending_responses()


def test_a_retried_row_tells_the_index_since_when_it_waits_and_keeps_its_birth() -> None:
    job = queued(created_ms=NOW_MS, retried_ms=NOW_MS + DAY_S)
    item = items.item_from(job)
    assert (item["born"], item["first"]) == (items.number(NOW_MS + DAY_S), items.number(NOW_MS))
    assert items.job_from(item) == job


def test_an_erased_row_keeps_nothing_of_what_was_asked(aws_local: Clients) -> None:
    """Not in the attributes either that only indexes and transactions look at."""
    name = new_table(aws_local.dynamodb)
    asked = {"url": "https://example.com/a-secret", "events": ["job.completed"]}
    job = queued(spec=spec(prompt="a secret", seed=1234567, webhook=asked))
    table = _table(aws_local, name)
    table.submit(job, None, now_ms=NOW_MS)
    table.apply(transitions.erase(job, now_ms=NOW_MS, files_due_ms=NOW_MS))
    row = repr(_item(aws_local, name, items.job_key(job.id)))
    assert "secret" not in row and "1234567" not in row and "completed" not in row
