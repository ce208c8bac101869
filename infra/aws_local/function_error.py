"""What Lambda answers when an invocation fails, in its own words."""

from __future__ import annotations

import json
import signal


class FunctionError(Exception):
    """An invocation failed; `payload` is Lambda's error object as JSON."""

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload.decode(errors="replace"))
        self.payload = payload


class Throttled(Exception):
    """All of a function's environments are busy, and it may have no more."""


def timed_out(request_id: str, timeout_s: float) -> bytes:
    """The function's own time is over."""
    message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    return _error(message, "Sandbox.Timedout")


def exited(request_id: str, status: int) -> bytes:
    """The process ended; `status` is its exit status, or minus the signal that ended it."""
    if status < 0:
        how = f"signal: {signal.strsignal(-status) or -status}".lower()
    else:
        how = f"exit status {status}"
    message = f"RequestId: {request_id} Error: Runtime exited with error: {how}"
    return _error(message, "Runtime.ExitError")


def out_of_memory(request_id: str) -> bytes:
    """The process took more memory than the function has."""
    message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    return _error(message, "Runtime.OutOfMemory")


def too_large(size: int, largest: int) -> bytes:
    """The result has too many bytes."""
    message = f"Response payload size ({size} bytes) exceeded maximum allowed payload size"
    return _error(f"{message} ({largest} bytes).", "Function.ResponseSizeTooLarge")


def _error(message: str, kind: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": kind}).encode()
