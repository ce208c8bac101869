"""API keys: `python -m infra.keys --help`."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infra.keys.key_list import lines, moment
from infra.keys.place import key_table
from infra.local.refusal import Refused
from shared.api_key import new_key
from shared.errors import Unavailable
from shared.ports import KeyTable

DAY_MS = 86_400_000
REFUSED = 2


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 when done, 2 when it could not be."""
    given = _parser().parse_args(arguments)
    try:
        given.verb(key_table(given.data, given.table), given, time.time_ns() // 1_000_000)
    except Unavailable as error:
        print(f"keys: {error}: {error.__cause__}", file=sys.stderr)
        return REFUSED
    except (Refused, ValueError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return REFUSED
    return 0


def _create(table: KeyTable, given: argparse.Namespace, now_ms: int) -> None:
    """The key goes to standard output alone, so that it can be piped to where it is kept."""
    ends_ms = None if given.days is None else now_ms + round(given.days * DAY_MS)
    text, key = new_key(given.tenant, entropy=secrets.token_bytes, now_ms=now_ms, ends_ms=ends_ms)
    table.add(key)
    until = "until it is revoked" if ends_ms is None else f"until {moment(ends_ms)}"
    print(f"key {key.id} of {key.tenant}, {until}; it is shown only now:", file=sys.stderr)
    print(text)


def _list(table: KeyTable, given: argparse.Namespace, now_ms: int) -> None:
    for line in lines(table.keys(), now_ms=now_ms):
        print(line)


def _revoke(table: KeyTable, given: argparse.Namespace, now_ms: int) -> None:
    _end(table, given.id, now_ms)


def _expire(table: KeyTable, given: argparse.Namespace, now_ms: int) -> None:
    _end(table, given.id, now_ms + round(given.days * DAY_MS))


def _end(table: KeyTable, key_id: str, at_ms: int) -> None:
    key = table.end(key_id, at_ms=at_ms)
    if key is None or key.ends_ms is None:
        raise Refused(f"there is no key {key_id}; `list` shows the ids")
    print(f"key {key.id} of {key.tenant} ends {moment(key.ends_ms)}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.keys", description="Make, list and end API keys."
    )
    place = argparse.ArgumentParser(add_help=False)
    where = place.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, default=Path(".darkroom"), help="one machine's folder")
    where.add_argument("--table", help="a stack's DynamoDB table instead")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    create = verbs.add_parser("create", parents=[place], help="make a key, and show it once")
    create.add_argument("tenant", help="whose jobs it can submit and see")
    create.add_argument("--days", type=_days, help="how long it holds; else until it is revoked")
    create.set_defaults(verb=_create)
    listed = verbs.add_parser("list", parents=[place], help="show all keys, but not their secrets")
    listed.set_defaults(verb=_list)
    revoke = verbs.add_parser("revoke", parents=[place], help="end a key now")
    revoke.add_argument("id", help="as `list` shows it")
    revoke.set_defaults(verb=_revoke)
    expire = verbs.add_parser("expire", parents=[place], help="let a key end later")
    expire.add_argument("id", help="as `list` shows it")
    expire.add_argument("days", type=_days, help="from now")
    expire.set_defaults(verb=_expire)
    return parser


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days < 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, more than 0")
    return days


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
