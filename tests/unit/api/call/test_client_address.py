"""Whose call it is, as far as addresses tell: only what a trusted proxy says is believed."""

from __future__ import annotations

import pytest

from api.call.client_address import resolve_address
from matcher.settings.protection import ProtectionSettings

PROXIES = ProtectionSettings.model_construct(trusted_proxies="10.0.0.0/8, 127.0.0.1, fd00::/8").proxy_networks


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # anybody can write the header
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "1.1.1.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),  # what lies beyond may be invented
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "", None),
        ("10.1.2.3", "10.4.4.4", None),
        ("10.1.2.3", "1.2.3.4:99", "1.2.3.4"),
        ("10.1.2.3", "1.1.1.1, 1.2.3.4:65535, 10.9.9.9:80", "1.2.3.4"),
        ("10.1.2.3", "[2001:db8:1:2:3::4]:80", "2001:db8:1:2::/64"),
        ("10.1.2.3", "[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        ("10.1.2.3", "[fe80::1%eth0]:80", "fe80::/64"),
        ("10.1.2.3", "[::ffff:1.2.3.4]:80", "1.2.3.4"),
        # What is no address counts as the proxy that was asked, whoever wrote it.
        ("10.1.2.3", "unknown", "10.1.2.3"),
        ("10.1.2.3", "unknown, 10.4.4.4", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, _hidden", "10.1.2.3"),
        ("10.1.2.3", "1.2.3.4:", "10.1.2.3"),
        ("10.1.2.3", "1.2.3.4:99:99", "10.1.2.3"),
        ("10.1.2.3", "256.1.1.1:99", "10.1.2.3"),
        ("10.1.2.3", "[203.0.113.9", "10.1.2.3"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("::1", "unknown", None),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "", "198.51.100.7"),
        ("::1", "", None),
        ("fe80::1%eth0", "", "fe80::/64"),
    ],
)
def test_the_nearest_that_is_no_proxy(peer: str, forwarded: str, address: str | None) -> None:
    assert resolve_address(peer, forwarded, PROXIES) == address


def test_this_machine_is_nobody_in_particular() -> None:
    assert resolve_address("127.0.0.1", "", ()) is None
