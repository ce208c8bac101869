"""Where the keys are that a command is about."""

from __future__ import annotations

from pathlib import Path

from infra.local.refusal import Refused
from shared.aws import clients
from shared.aws.keys import DynamoKeyTable
from shared.embedded.database import Database
from shared.embedded.keys import SqliteKeyTable
from shared.ports import KeyTable


def key_table(data: Path, table: str | None) -> KeyTable:
    """A stack's keys where a table is named, else those of a data folder, which may be in use or
    still missing. Raises Refused, Unavailable."""
    if table is not None:
        return DynamoKeyTable(clients.dynamodb(), table)
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write to {data}: {error.strerror}; choose another --data") from error
    return SqliteKeyTable(Database(data / "darkroom.db"))
