"""The contract to read: the OpenAPI document, and Swagger UI around it, without a CDN."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from shared.http.openapi import document
from shared.http.router import Response

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Darkroom API</title>
<style>{css}</style>
<div id="swagger-ui"></div>
<script>{script}</script>
<script>SwaggerUIBundle({{url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true}})</script>
</html>
"""
_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


@cache
def openapi() -> Response:
    """OpenAPI 3.1."""
    headers = {"Content-Type": "application/json", **_AN_HOUR}
    return Response(body=json.dumps(document()), headers=headers)


@cache
def docs() -> Response:
    """Swagger UI, from the copy that aws-lambda-powertools carries: it works offline."""
    bundle = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
    page = _PAGE.format(
        css=(bundle / "swagger-ui.min.css").read_text("utf-8"),
        script=(bundle / "swagger-ui-bundle.min.js").read_text("utf-8"),
    )
    return Response(body=page, headers={"Content-Type": "text/html; charset=utf-8", **_AN_HOUR})
