"""The room matcher/events/webhooks/."""
