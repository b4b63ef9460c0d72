"""Which hosts are this machine itself: what is there is reached without a proxy, and without TLS."""

from collections.abc import MutableMapping
from ipaddress import ip_address

NAMES = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1", "[::1]")
"""As `no_proxy` has them, for every library that reads it: some know no networks, others no names."""


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without port and brackets, is on the loopback interface."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def bypass_proxies(environ: MutableMapping[str, str]) -> None:
    """Excepts this machine from the proxies that the environment names, for this process and its children.

    Each HTTP library would otherwise ask the proxy even for a service of this machine.
    """
    named = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if named.strip() == "*":
        return
    kept = [name for name in (part.strip() for part in named.split(",")) if name and name not in NAMES]
    environ["no_proxy"] = ",".join([*kept, *NAMES])
