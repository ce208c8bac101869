"""A stack's root secret as an object beside the pictures, which upkeep's role alone may touch."""

from __future__ import annotations

from collections.abc import Callable

from shared.aws.clients import Client
from shared.aws.errors import OBJECT_EXISTS, ignored, translated

KEY = "secrets/webhooks"
SECRET_BYTES = 32


class S3RootSecret:
    """A RootSecret in one bucket. `client()` is called when the secret is first asked for, since
    most runs never do; `entropy(n)` returns n random bytes. Remembered once it is known."""

    def __init__(
        self, client: Callable[[], Client], bucket: str, *, entropy: Callable[[int], bytes]
    ) -> None:
        self._make_client = client
        self._bucket = bucket
        self._entropy = entropy
        self._known: bytes | None = None

    def get(self) -> bytes:
        """Written first, which S3 refuses where something is there: whoever may not list a bucket
        is not told whether an object is missing or forbidden."""
        if self._known is None:
            client = self._make_client()
            with translated(), ignored(OBJECT_EXISTS):
                client.put_object(
                    Bucket=self._bucket,
                    Key=KEY,
                    Body=self._entropy(SECRET_BYTES),
                    IfNoneMatch="*",
                )
            with translated():
                self._known = client.get_object(Bucket=self._bucket, Key=KEY)["Body"].read()
        return self._known
