"""The local AWS itself: it starts, forgets, ends, and says what it lacks."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from infra.aws_local.ministack import MiniStack, MiniStackError, running
from shared.image_keys import image_key
from tests.aws_local.places import Clients, new_bucket, new_table


def test_where_it_is_not_installed_it_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(MiniStackError, match=r"make \.venv-aws-local"),
        running(tmp_path / "log.txt", python=tmp_path / "python"),
    ):
        pass


def test_where_it_does_not_start_it_shows_why(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such module\nexit 1\n")
    broken.chmod(0o755)
    with (
        pytest.raises(MiniStackError, match="no such module"),
        running(tmp_path / "log.txt", python=broken),
    ):
        pass


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    with running(tmp_path / "log.txt") as server:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_a_reset_forgets_everything(aws_server: MiniStack, aws_clients: Clients) -> None:
    new_table(aws_clients.dynamodb)
    new_bucket(aws_clients.s3)
    aws_server.reset()
    assert aws_clients.dynamodb.list_tables()["TableNames"] == []
    assert aws_clients.s3.list_buckets()["Buckets"] == []


def test_an_unsigned_reader_of_a_private_picture_is_refused(aws_local: Clients) -> None:
    bucket, key = new_bucket(aws_local.s3), image_key("job_0", 1)
    aws_local.s3.put_object(Bucket=bucket, Key=key, Body=b"PNG")
    assert httpx.get(f"{aws_local.s3.meta.endpoint_url}/{bucket}/{key}").status_code == 403
