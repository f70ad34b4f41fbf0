"""Detection of busy ports with real sockets, and the suggestion of another."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from demo.ports import LOOPBACK, Port, PortError, check_ports, free_port_above, is_busy
from tests.ports import free_port


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_busy_port_is_named_with_its_purpose_and_the_option(busy: int) -> None:
    ports = [Port(free_port(), "Airflow", "AIRFLOW_PORT"), Port(busy, "the engine", "ENGINE_PORT")]
    with pytest.raises(PortError) as error:
        check_ports(ports, "make demo")
    text = str(error.value)
    assert f"port {busy}" in text
    assert "the engine" in text
    assert "make demo ENGINE_PORT=" in text
    assert "AIRFLOW_PORT" not in text


def test_suggested_port_is_free(busy: int) -> None:
    suggested = free_port_above(busy)
    assert suggested > busy
    assert not is_busy(suggested)


def test_every_busy_port_is_named_at_once(busy: int) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        second = other.getsockname()[1]
        with pytest.raises(PortError) as error:
            check_ports([Port(busy, "A", "A_PORT"), Port(second, "B", "B_PORT")], "make up")
    assert f"port {busy}, meant for A" in str(error.value)
    assert f"port {second}, meant for B" in str(error.value)


def test_one_port_for_two_purposes_is_refused() -> None:
    port = free_port()
    with pytest.raises(PortError, match=f"port {port} is meant for both A and B"):
        check_ports([Port(port, "A", "A_PORT"), Port(port, "B", "B_PORT")], "make up")


def test_free_ports_pass_and_a_closed_listener_frees_its_port() -> None:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert is_busy(port)
    check_ports([Port(port, "A", "A_PORT")], "make demo")


def test_listener_on_every_address_makes_the_port_busy() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        assert is_busy(listener.getsockname()[1])
