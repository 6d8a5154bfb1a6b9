"""Errors of streams and webhooks: leaves of the tree in tree.py."""

from __future__ import annotations

from matcher.domain.errors.tree import CarpoolError, Conflict, InvalidInput, NotFound


class WebhookUrlRefused(InvalidInput):
    """Webhooks cannot have this URL: it is not https, or not on the public internet."""

    code = "webhook_url_refused"
    title = "The webhook URL is not allowed"


class WebhookNotFound(NotFound):
    """The caller has no webhook with this id."""

    code = "webhook_not_found"
    title = "The webhook was not found"


class DeliveryNotFound(NotFound):
    """The caller's webhooks have no delivery with this id."""

    code = "delivery_not_found"
    title = "The delivery was not found"


class TooManyWebhooks(Conflict):
    """The caller has the maximum number of webhooks."""

    code = "too_many_webhooks"
    title = "You have too many webhooks"


class TooManyStreams(CarpoolError):
    """The caller has the maximum number of streams open (RFC 6585 section 4)."""

    code = "too_many_streams"
    title = "Too many streams are open"

    def __init__(self, detail: str, *, retry_after_s: int = 30) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
