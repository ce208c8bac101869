"""The template as deployed: what MiniStack leaves undone is done, and roles and policies hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3.session
import httpx
import pytest
from botocore.exceptions import ClientError

from infra.aws_local.fixups import physical_names
from infra.aws_local.function_config import REGION
from infra.aws_local.stack import NAME, UNITS, Stack
from shared.aws.root_secret import KEY
from tests.aws_runtime.deployed import Deployed

Call = Callable[[Stack, Callable[[str], Any]], Any]


@pytest.fixture(scope="module")
def sessions(aws_stack: Stack) -> Callable[[str], boto3.session.Session]:
    """Sessions of execution roles, by their names in the template."""
    names = physical_names(aws_stack.endpoint_url, NAME)
    iam, sts = aws_stack.client("iam"), aws_stack.client("sts")

    @cache
    def session(role: str) -> boto3.session.Session:
        arn = iam.get_role(RoleName=names[role])["Role"]["Arn"]
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.session.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=REGION,
        )

    return session


def test_what_its_cloudformation_leaves_undone_is_done(aws_stack: Stack) -> None:
    outputs = aws_stack.outputs
    dynamodb, s3 = aws_stack.client("dynamodb"), aws_stack.client("s3")
    ttl = dynamodb.describe_time_to_live(TableName=outputs["Table"])
    backups = dynamodb.describe_continuous_backups(TableName=outputs["Table"])
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=outputs["Bucket"])["Rules"]
    api = aws_stack.url.split("/")[-2]
    (stage,) = aws_stack.client("apigatewayv2").get_stages(ApiId=api)["Items"]

    assert ttl["TimeToLiveDescription"]["AttributeName"] == "exp"
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert (rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) == ("images/", 9)
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 100


@pytest.mark.parametrize(
    ("role", "call"),
    [
        ("SubmitRole", lambda s, c: c("dynamodb").scan(TableName=s.outputs["Table"])),
        (
            "SubmitRole",
            lambda s, c: c("s3").delete_object(Bucket=s.outputs["Bucket"], Key="other/x"),
        ),
        ("SubmitRole", lambda s, c: c("sqs").receive_message(QueueUrl=s.outputs["Queue"])),
        (
            "StatusRole",
            lambda s, c: c("sqs").send_message(QueueUrl=s.outputs["Queue"], MessageBody="x"),
        ),
        (
            "StatusRole",
            lambda s, c: c("s3").put_object(Bucket=s.outputs["Bucket"], Key="images/x", Body=b""),
        ),
        (
            "WorkerRole",
            lambda s, c: c("s3").put_object(Bucket=s.outputs["Bucket"], Key="other/x", Body=b""),
        ),
        ("WorkerRole", lambda s, c: c("dynamodb").delete_table(TableName=s.outputs["Table"])),
        (
            "WorkerRole",
            lambda s, c: c("sqs").receive_message(QueueUrl=s.outputs["DeadLetterQueue"]),
        ),
        ("StatusRole", lambda s, c: c("s3").list_objects_v2(Bucket=s.outputs["Bucket"])),
        (
            "WorkerRole",
            lambda s, c: c("s3").delete_object(Bucket=s.outputs["Bucket"], Key="images/x"),
        ),
        (
            "UpkeepRole",
            lambda s, c: c("s3").put_object(Bucket=s.outputs["Bucket"], Key="images/x", Body=b""),
        ),
        *(
            (role, lambda s, c: c("s3").get_object(Bucket=s.outputs["Bucket"], Key=KEY))
            for role in ("SubmitRole", "StatusRole", "WorkerRole")
        ),
        (
            "UpkeepRole",
            lambda s, c: c("s3").delete_object(Bucket=s.outputs["Bucket"], Key=KEY),
        ),
        (
            "SubmitRole",
            lambda s, c: c("sqs").receive_message(QueueUrl=s.outputs["WebhookQueue"]),
        ),
    ],
)
def test_a_role_is_refused_what_its_unit_does_not_need(
    aws_stack: Stack, sessions: Callable[[str], boto3.session.Session], role: str, call: Call
) -> None:
    def client(service: str) -> Any:
        return sessions(role).client(service, endpoint_url=aws_stack.endpoint_url)

    with pytest.raises(ClientError) as refusal:
        call(aws_stack, client)

    assert refusal.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_a_picture_is_not_given_out_without_tls(deployed: Deployed) -> None:
    url = deployed.ended(deployed.submitted("a red circle"))["image"]["url"]

    assert httpx.get(url).status_code == 200
    assert httpx.get(url, headers={"X-Forwarded-Proto": "http"}).status_code == 403


def test_who_shows_no_key_is_refused(deployed: Deployed) -> None:
    answer = httpx.get(f"{deployed.stack.url}/v1/jobs")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_head_is_get_without_a_body(deployed: Deployed) -> None:
    for path in ("/healthz", "/v1/jobs", "/nowhere"):
        shown, asked = (httpx.request(how, deployed.stack.url + path) for how in ("GET", "HEAD"))
        assert (asked.status_code, asked.content) == (shown.status_code, b"")


def test_what_the_schedule_invokes_is_the_published_upkeep_function(deployed: Deployed) -> None:
    before = deployed.counts("upkeep").invocations

    assert set(deployed.sweep()) == {"moved", "rung"}
    # The schedule may have come by itself meanwhile.
    assert deployed.counts("upkeep").invocations > before


def test_a_picture_that_comes_after_its_job_was_deleted_is_swept_away(deployed: Deployed) -> None:
    s3, bucket = deployed.stack.client("s3"), deployed.stack.outputs["Bucket"]
    path = deployed.submitted("a red circle")
    deployed.ended(path)
    prefix = f"images/{path.rsplit('/', 1)[1]}/"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 1

    assert deployed.http.delete(path).status_code == 204

    assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
    s3.put_object(Bucket=bucket, Key=f"{prefix}2.png", Body=b"late")

    def swept() -> bool:
        deployed.sweep()
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0)

    deployed.wait_for(swept)
    assert deployed.http.get(path).status_code == 410


def test_a_picture_costs_what_the_template_s_prices_make_of_its_time(deployed: Deployed) -> None:
    job = deployed.ended(deployed.submitted("a red circle"))
    took = job["timing"]
    worker_s = (took["load_ms"] + took["inference_ms"] + took["upload_ms"]) / 1000

    assert job["cost"]["basis"] == "lambda x86_64 us-east-1 2026-11"
    expected = 0.000034738 + worker_s * 3008 / 1024 * 0.0000166667
    assert job["cost"]["usd"] == pytest.approx(expected, abs=1e-10)  # told to ten places


def test_the_light_functions_and_the_worker_need_less_memory_than_they_have(
    deployed: Deployed,
) -> None:
    deployed.ended(deployed.submitted("a red circle"))
    deployed.sweep()

    peaks_mb = {unit: deployed.counts(unit).peak_mb for unit in UNITS}
    assert all(peak_mb < 256 for peak_mb in peaks_mb.values()), peaks_mb
