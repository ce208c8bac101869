"""What botocore raises, turned into our own errors: by type and error code, never by text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.errors import DarkroomError, ImageMissing, Unavailable

OBJECT_EXISTS = frozenset({"PreconditionFailed"})
STALE_RECEIPT = frozenset(
    {
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",  # how SQS itself names an expired receipt
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    }
)

_MEANING: Mapping[str, type[DarkroomError]] = {"NoSuchKey": ImageMissing}
"""Every other code means Unavailable: the store answered, but not with what it was asked for."""


@contextmanager
def translated() -> Iterator[None]:
    """Let no botocore error out. The one that it was stays attached as the cause."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        raise _MEANING.get(code, Unavailable)(code) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise Unavailable(type(error).__name__) from error


@contextmanager
def ignored(codes: frozenset[str]) -> Iterator[None]:
    """Let errors with these codes pass as success."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in codes:
            raise


def code_of(error: ClientError) -> str:
    """The service's own name for what went wrong."""
    return str(error.response["Error"]["Code"])
