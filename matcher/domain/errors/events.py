"""Errors of streams and webhooks: leaves of the tree in tree.py."""

from __future__ import annotations

from matcher.domain.errors.tree import CarpoolError, Conflict, InvalidInput, NotFound


class WebhookUrlRefused(InvalidInput, code="webhook_url_refused", title="The webhook URL is not allowed"):
    """Webhooks cannot have this URL: it is not https, or not on the public internet."""


class WebhookNotFound(NotFound, code="webhook_not_found", title="The webhook was not found"):
    """The caller has no webhook with this id."""


class DeliveryNotFound(NotFound, code="delivery_not_found", title="The delivery was not found"):
    """The caller's webhooks have no delivery with this id."""


class TooManyWebhooks(Conflict, code="too_many_webhooks", title="You have too many webhooks"):
    """The caller has the maximum number of webhooks."""


class TooManyStreams(CarpoolError, code="too_many_streams", title="Too many streams are open"):
    """The caller has the maximum number of streams open (RFC 6585 section 4)."""

    retry_after_s = 30
