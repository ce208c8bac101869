"""GET /images/…: pictures behind signed links, as S3 serves presigned ones."""

from __future__ import annotations

from infra.local.events import Answer, refusal
from infra.local.pools import Door
from shared.embedded.image_store import FileImageStore
from shared.errors import DarkroomError, ImageMissing, MethodNotAllowed, NotFound
from shared.http.router import Event
from shared.ports import Clock


def make_pictures(images: FileImageStore, *, clock: Clock) -> Door:
    """The door that opens links of `images`: 403 when altered or over, 404 when erased."""

    def door(event: Event) -> Answer:
        context = event["requestContext"]
        try:
            return _picture(images, event, now_ms=clock())
        except DarkroomError as error:
            return refusal(_for_the_caller(error), request_id=context["requestId"])

    return door


def _picture(images: FileImageStore, event: Event, *, now_ms: int) -> Answer:
    if event["requestContext"]["http"]["method"] != "GET":
        raise MethodNotAllowed("a picture can be read", headers={"Allow": "GET"})
    query = event.get("queryStringParameters", {})
    data, content_type = images.open_link(event["rawPath"], query, now_ms=now_ms)
    headers = {
        "Content-Type": content_type,
        # Whoever has a link may open it, a script in a browser too.
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": f"private, max-age={_seconds_left(query, now_ms)}, immutable",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": event["requestContext"]["requestId"],
    }
    return Answer(status=200, headers=headers, body=data)


def _seconds_left(query: dict[str, str], now_ms: int) -> int:
    """The bytes never change, but whoever may keep them may do so for as long as the link lasts."""
    return int(query["expires"]) - now_ms // 1000


def _for_the_caller(error: DarkroomError) -> DarkroomError:
    return NotFound("this picture is no longer kept") if isinstance(error, ImageMissing) else error
