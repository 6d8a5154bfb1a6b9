"""The secrets that sign webhooks: derived, not stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks.webhooks import Webhook as Signer

from matcher.events.webhooks.webhook import Webhook

_PREFIX = "whsec_"


class WebhookSecrets:
    """Secrets of webhooks under the server's own key: HMAC-SHA256 of the webhook's id and the number of the secret.

    The database alone reveals none of them. While the key is being rotated, deliveries are also signed under each of
    `others`.
    """

    def __init__(self, key: bytes, others: Sequence[bytes] = ()) -> None:
        self._keys = (key, *others)
        if any(len(one) < 32 for one in self._keys):
            raise ValueError("the key of webhook secrets must have at least 32 bytes")

    def secret(self, webhook_id: UUID, version: int) -> str:
        """`whsec_` and 32 bytes in base64, as Standard Webhooks writes secrets."""
        return _PREFIX + base64.b64encode(_derive(self._keys[0], webhook_id, version)).decode("ascii")

    def signed(self, webhook: Webhook, message_id: str, body: str, now: datetime) -> dict[str, str]:
        """The headers of Standard Webhooks: message id, time of this attempt, and a signature by each valid secret."""
        versions = [webhook.secret_version]
        if webhook.old_secret_until is not None and now < webhook.old_secret_until and webhook.secret_version > 1:
            versions.append(webhook.secret_version - 1)
        signatures = [
            Signer(_derive(key, webhook.id, version)).sign(message_id, now.astimezone(UTC), body)
            for key in self._keys
            for version in versions
        ]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _derive(key: bytes, webhook_id: UUID, version: int) -> bytes:
    return hmac.new(key, b"webhook %b %d" % (webhook_id.bytes, version), hashlib.sha256).digest()
