"""The image store on S3: keys are written once, pictures are read through signed links.

A link dies with the credentials that signed it, so its promise is cut to what they have left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from shared.aws.clients import Client
from shared.aws.errors import OBJECT_EXISTS, ignored, translated
from shared.errors import Unavailable, UploadFailed
from shared.image_keys import IMAGES
from shared.ports import Link

CredentialsEnd: TypeAlias = Callable[[int], int | None]
"""Given now, when the signing credentials end, both in milliseconds since 1970; None: never."""

_LONGEST_LINK_S = 7 * 86_400
_SHORTEST_SESSION_S = 900


class S3ImageStore:
    """An ImageStore in one bucket. `credentials_end` defaults to what the client's own say."""

    def __init__(
        self, client: Client, bucket: str, *, credentials_end: CredentialsEnd | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._credentials_end = credentials_end or _of(client)

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        """Raises UploadFailed if other bytes are there; S3 itself refuses to replace them."""
        with translated(), ignored(OBJECT_EXISTS):  # ignored: goes on behind the block
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                IfNoneMatch="*",
            )
            return
        if self.read(key) != data:
            raise UploadFailed("other bytes are stored under this key")

    def read(self, key: str) -> bytes:
        with translated():
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            content: bytes = answer["Body"].read()
        return content

    def erase(self, job_id: str) -> None:
        while keys := self._keys(job_id):
            with translated():
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
                )
            if answer.get("Errors"):
                raise Unavailable("S3 did not delete all of them")

    def link(self, key: str, *, now_ms: int, lasts_s: int) -> Link:
        """S3 counts from the whole second of signing, so the promise does too."""
        seconds = min(lasts_s, _LONGEST_LINK_S)
        expires_ms = (now_ms // 1000 + seconds) * 1000
        with translated():
            end_ms = self._credentials_end(now_ms)
            url = self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": key},
                ExpiresIn=seconds,
            )
        return Link(url=url, expires_ms=expires_ms if end_ms is None else min(expires_ms, end_ms))

    def _keys(self, job_id: str) -> list[dict[str, str]]:
        """Of at most a thousand objects: as many as may be deleted at once."""
        with translated():
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{IMAGES}/{job_id}/")
        return [{"Key": entry["Key"]} for entry in answer.get("Contents", [])]


def _of(client: Client) -> CredentialsEnd:
    """botocore offers no public way to ask when credentials end; the contract suite guards this."""
    return lambda now_ms: credentials_end(client._request_signer._credentials, now_ms)


def credentials_end(credentials: Any, now_ms: int) -> int | None:
    """When these botocore credentials end; None: never. Refreshes them first if that is due.

    A session whose end is not known (Lambda hands over just the keys) is trusted for as long as
    the shortest session that AWS gives out; the job is read again for a fresh link.
    """
    frozen = credentials.get_frozen_credentials()
    end: datetime | None = getattr(credentials, "_expiry_time", None)
    if end is not None:
        return int(end.timestamp() * 1000)
    return None if frozen.token is None else now_ms + _SHORTEST_SESSION_S * 1000
