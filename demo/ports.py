"""Ports of the demo, checked before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Port:
    """One port: what listens on it, and the variable that chooses another."""

    number: int
    purpose: str
    variable: str


class PortError(Exception):
    """A port cannot be used; the message names it and says how to choose another."""


def check_ports(ports: Sequence[Port], command: str) -> None:
    """Refuse ports that are taken, or that are named twice.

    :param ports: every port that is going to be used on the loopback address
    :param command: what the user typed, for the advice (``make demo``)
    :raises PortError: naming each port that cannot be used
    """
    problems = []
    for place, port in enumerate(ports):
        earlier = [other.purpose for other in ports[:place] if other.number == port.number]
        if earlier:
            problems.append(f"port {port.number} is meant for both {earlier[0]} and {port.purpose}")
        elif is_busy(port.number):
            problems.append(f"port {port.number}, meant for {port.purpose}, is in use by another program")
        else:
            continue
        problems[-1] += f". Choose another: {command} {port.variable}={free_port_above(port.number)}"
    if problems:
        raise PortError("\n".join(problems))


def is_busy(number: int) -> bool:
    """Say whether something listens on that port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port whose last connections are merely timing out is free for a server, as it is for ours.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return True
    return False


def free_port_above(number: int) -> int:
    """Return the next port that is free, to be suggested in place of a busy one."""
    candidates = range(number + 1, min(number + 1000, 65536))
    return next((candidate for candidate in candidates if not is_busy(candidate)), 0)
