"""What webhooks are signed with: a secret for each tenant, derived from the deployment's one."""

from __future__ import annotations

import base64
import hashlib
import hmac

_PURPOSE = "darkroom webhook "


def tenant_secret(root: bytes, tenant: str) -> bytes:
    """32 bytes. One tenant's says nothing of another's, nor of the root."""
    return hmac.new(root, f"{_PURPOSE}{tenant}".encode(), hashlib.sha256).digest()


def shown(secret: bytes) -> str:
    """As receivers' libraries take it: Standard Webhooks' `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secret).decode()
