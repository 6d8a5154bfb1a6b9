"""What can go wrong with streams and webhooks: leaves of the tree in errors.py."""

from __future__ import annotations

from matcher.domain.errors.tree import CarpoolError, Conflict, InvalidInput, NotFound


class WebhookUrlRefused(InvalidInput):
    """An address that events are not posted to: not https, or not on the public internet."""

    code = "webhook_url_refused"
    title = "Events cannot be sent to this address"


class WebhookNotFound(NotFound):
    """No webhook with this id belongs to the caller."""

    code = "webhook_not_found"
    title = "The webhook was not found"


class DeliveryNotFound(NotFound):
    """No delivery with this id goes to a webhook of the caller's."""

    code = "delivery_not_found"
    title = "The delivery was not found"


class TooManyWebhooks(Conflict):
    """The caller has as many webhooks as one may have."""

    code = "too_many_webhooks"
    title = "There are too many webhooks"


class TooManyStreams(CarpoolError):
    """The caller listens on as many streams at once as one may (RFC 6585 section 4)."""

    code = "too_many_streams"
    title = "Too many streams are open"

    def __init__(self, detail: str, *, retry_after_s: int = 30) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
