"""What a tenant's webhooks are signed with: `python -m infra.webhook_secret --help`."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.data_dir import WEBHOOK_SECRET
from infra.local.refusal import Refused
from shared.api_key import TENANT
from shared.aws import clients
from shared.aws.root_secret import S3RootSecret
from shared.embedded.root_secret import FileRootSecret
from shared.errors import Unavailable
from shared.webhook_ports import RootSecret
from shared.webhook_secret import shown, tenant_secret

REFUSED = 2


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 when done, 2 when it could not be. The secret goes to standard output
    alone, so that it can be piped to where it is kept."""
    given = _parser().parse_args(arguments)
    try:
        root = _root_secret(given.data, given.bucket).get()
    except Unavailable as error:
        print(f"webhook-secret: {error}: {error.__cause__}", file=sys.stderr)
        return REFUSED
    except Refused as error:
        print(f"webhook-secret: {error}", file=sys.stderr)
        return REFUSED
    print(shown(tenant_secret(root, given.tenant)))
    return 0


def _root_secret(data: Path, bucket: str | None) -> RootSecret:
    """A stack's where a bucket is named, else that of a data folder, which may be in use or still
    missing. Raises Refused."""
    if bucket is not None:
        return S3RootSecret(clients.s3, bucket, entropy=secrets.token_bytes)
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write to {data}: {error.strerror}; choose another --data") from error
    return FileRootSecret(data / WEBHOOK_SECRET, entropy=secrets.token_bytes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.webhook_secret",
        description="Show what a tenant's webhooks are signed with.",
    )
    parser.add_argument(
        "tenant", type=_tenant, help="whose jobs; without API keys everyone is `local`"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, default=Path(".darkroom"), help="one machine's folder")
    where.add_argument("--bucket", help="a stack's S3 bucket instead")
    return parser


def _tenant(text: str) -> str:
    if not TENANT.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no tenant's name: those are {TENANT.pattern}"
        )
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
