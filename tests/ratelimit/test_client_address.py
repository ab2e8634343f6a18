"""The client is the rightmost hop that is not a trusted proxy."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.identity import client_address

PROXIES = ("10.0.0.0/8", "2001:db8:f::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        # Nobody trusted is connected: the header is anybody's word.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        # A client that forges the left part gains nothing.
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        # Everybody is a proxy: the leftmost is the best guess.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("2001:db8:f::1", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("", "", ""),
    ],
)
def test_client(peer: str, forwarded: str, expected: str) -> None:
    assert client_address(peer=peer, forwarded_for=forwarded, trusted=PROXIES) == expected


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_subscriber_counts_once_however_many_addresses_it_uses(address: object, low: int) -> None:
    import ipaddress

    assert isinstance(address, ipaddress.IPv6Address)
    if address.ipv4_mapped:
        return
    neighbour = ipaddress.IPv6Address((int(address) >> 64 << 64) | low)
    seen = {
        client_address(peer=str(each), forwarded_for="", trusted=())
        for each in (address, neighbour)
        if each.ipv4_mapped is None
    }
    assert len(seen) == 1


@given(st.text(max_size=60))
def test_no_header_breaks_it(forwarded: str) -> None:
    assert client_address(peer="10.0.0.1", forwarded_for=forwarded, trusted=PROXIES)


addresses = st.ip_addresses().filter(
    lambda address: (
        not any(address in ip_network(network) for network in PROXIES)
        and not getattr(address, "ipv4_mapped", None)
    )
)
inside = st.one_of(st.ip_addresses(network=network) for network in PROXIES)
anything = st.one_of(addresses.map(str), inside.map(str), st.text(max_size=20))


@given(addresses, st.lists(anything, max_size=4), st.lists(inside, min_size=1, max_size=4))
def test_whatever_a_client_writes_it_is_what_the_first_proxy_saw(
    client: object, forged: list[str], proxies: list[object]
) -> None:
    """Every proxy adds whom it heard from; the client comes with any header it likes."""
    heard = [*forged, str(client), *map(str, proxies[:-1])]
    seen = client_address(peer=str(proxies[-1]), forwarded_for=", ".join(heard), trusted=PROXIES)
    assert seen == client_address(peer=str(client), forwarded_for="", trusted=())


@given(addresses, st.lists(anything, max_size=4))
def test_who_is_no_proxy_is_not_believed(client: object, forged: list[str]) -> None:
    seen = client_address(peer=str(client), forwarded_for=", ".join(forged), trusted=PROXIES)
    assert seen == client_address(peer=str(client), forwarded_for="", trusted=())


@pytest.mark.parametrize(
    "hop", ["198.51.100.1:4711", "[2001:db8:1:2::3]:4711", "2001:db8:1:2::3%e0"]
)
def test_a_port_is_not_part_of_an_address(hop: str) -> None:
    seen = client_address(peer="10.0.0.1", forwarded_for=hop, trusted=PROXIES)
    assert seen in {"198.51.100.1", "2001:db8:1:2::/64"}
