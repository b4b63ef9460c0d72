"""Ports of the web server."""

import socket


class PortTaken(RuntimeError):
    """Another program uses the port."""


def place_of(host: str, port: int) -> str:
    """Host and port as in an address: an IPv6 address has brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def require_free(host: str, port: int) -> None:
    """Raises PortTaken, which names the port and the remedy. `host` has no brackets."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise PortTaken(
            f"'{host}' is no address of this machine: give --host one, as 127.0.0.1, 0.0.0.0 or ::"
        ) from None
    family, kind, _, _, place = found[0]
    try:
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise PortTaken(
            f"port {port} on {host} cannot be used ({error.strerror}): end the program that has it, "
            f"or choose another one with --port (make: PORT={port + 1})"
        ) from None


def first_free(host: str, port: int, tries: int = 100) -> int:
    """`port`, or the next one that is free. Raises PortTaken after `tries`."""
    for candidate in range(port, port + tries):
        try:
            require_free(host, candidate)
        except PortTaken:
            continue
        return candidate
    raise PortTaken(f"none of the ports {port} to {port + tries - 1} on {host} is free")
