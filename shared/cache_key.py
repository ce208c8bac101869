"""What the result cache finds a picture by: everything that decides what is in it, but the seed."""

from __future__ import annotations

import hashlib
import json

from shared.spec import CompleteSpec

FORM = 1
"""To be raised when the same request to the same weights is meant to give other bytes, as after a
change to a sampler or to what a PNG says about itself: all earlier pictures are forgotten then."""


def cache_key(spec: CompleteSpec, *, tenant: str, digest: str) -> str:
    """SHA-256, as hex, of

    * the tenant, so that nobody can learn what another one drew;
    * `digest`, which names the very weights that draw, each engine's its own: no new version of a
      model ever answers with an old one's picture, nor one engine with another's;
    * the model's name, prompt, negative prompt (none is the same as an empty one), width, height,
      steps, guidance and file format;
    * FORM.

    The seed stands beside the key, since a caller may take any. What kind of processor drew is in
    neither: where workers differ in that, a job might have been drawn by each of them, and so the
    cache may answer with what each of them drew.
    """
    parts = (
        FORM,
        tenant,
        digest,
        spec.model,
        spec.prompt,
        spec.negative_prompt or "",
        spec.width,
        spec.height,
        spec.steps,
        spec.guidance,
        spec.format,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
