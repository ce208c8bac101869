"""What uvicorn and asyncio have to say, as lines of our own log: their own would be no JSON."""

from __future__ import annotations

import logging

from shared.telemetry import Log, LogEvent

_SOURCES = ("uvicorn", "asyncio")


class ServerLog(logging.Handler):
    """Hands warnings and errors on to `log`."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        said = {"source": record.name, "said": record.getMessage()}
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._log.warning(LogEvent.SERVER_SAID, **said)
        else:
            self._log.exception(LogEvent.SERVER_SAID, error=error, **said)


def listen_to_the_server(log: Log) -> None:
    """From now on, for this process."""
    for name in _SOURCES:
        source = logging.getLogger(name)
        source.addHandler(ServerLog(log))
        source.propagate = False
