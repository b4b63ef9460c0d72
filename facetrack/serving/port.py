"""Ports of the web server."""

import socket


class PortTaken(RuntimeError):
    """Another program uses the port."""


def require_free(host: str, port: int) -> None:
    """Raises PortTaken, which names the port and the remedy."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
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
