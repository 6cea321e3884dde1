"""Which addresses may be sent to: public ones, and those of the networks that the settings allow.

Whoever registers a webhook chooses where this program connects to. It must not reach what only this program can: the machine itself, its
neighbours, the cloud's metadata. The table follows IANA's registries of special-purpose addresses
(https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry), and is written out because what Python
calls global differs between its versions.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from processor.settings import BadSettings, Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host of a virtual machine in Azure
        "169.254.0.0/16",  # link-local, with the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
_GLOBAL_V6 = IPv6Network("2000::/3")
"""All that is given out. Outside of it: loopback, IPv4-mapped, NAT64, unique-local, link-local, multicast, and what nobody has yet."""
_REFUSED_V6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols, among them Teredo, which holds IPv4 addresses
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds IPv4 addresses
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]


def parse_networks(settings: Settings) -> list[Network]:
    """Return the networks of `webhook_allowed_networks`. Raises BadSettings."""
    networks: list[Network] = []
    for text in filter(None, settings.webhook_allowed_networks.split(",")):
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise BadSettings(f"webhook_allowed_networks: {text} is not a network such as 10.1.0.0/16 ({error})") from error
    return networks


def parse_address(text: str) -> Address | None:
    """Return the address, or None if the text is not one in its usual form: no other base, no left-out parts, no zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether anybody may be at this address, and nothing that only this machine or its neighbours can reach."""
    if isinstance(address, IPv4Address):
        return not is_in(address, _REFUSED_V4)
    return address in _GLOBAL_V6 and not is_in(address, _REFUSED_V6)
