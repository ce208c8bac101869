"""Which addresses a webhook may be sent to: public ones, and nothing else; pure.

What is allowed is listed rather than what is not: of IPv6 that is 2000::/3, which leaves out
loopback, link-local and private addresses, IPv4 in IPv6 (::ffff:0:0/96) and NAT64 (64:ff9b::/96),
whatever those may come to be called; then the special blocks of IANA's registries
(iana-ipv4-special-registry, iana-ipv6-special-registry) are taken out of it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_IPV6_UNICAST = ip_network("2000::/3")
_SPECIAL_IPV6 = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address inside, perhaps a private one
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_SPECIAL_IPV4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by customers of one provider (CGNAT)
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's own services for a machine
            "169.254.0.0/16",  # link-local: 169.254.169.254 hands out credentials
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)


def may_be_called(address: str, *, loopback: bool) -> bool:
    """Whether a literal address, without a zone, is public; or `loopback` if that is allowed.

    Anything that is no address is not.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return _is_public(known) or (loopback and known.is_loopback)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_IPV4)
    if address.scope_id is not None or address not in _IPV6_UNICAST:
        return False
    return not any(address in block for block in _SPECIAL_IPV6)
