"""Other hosts: network namespaces with a name of their own, at the end of a cable, where the system allows them."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from pathlib import Path

from intake.chaos import relay
from postventa.processes import Child, Guard, StartError

# Addresses for trials of networks, which are nobody's (RFC 2544). Each run takes two cables of four addresses.
TRIALS = IPv4Network("198.18.0.0/15")
LOOPBACK = "127.0.0.1"
OTHERS = 2


@dataclass(frozen=True)
class Host:
    name: str
    prefix: tuple[str, ...] = ()  # of a command that is to run there
    is_here: bool = False


HERE = Host("here", is_here=True)


class Network:
    """`others`: hosts that reach ours by TCP alone. `address`: ours, as they know it. `why_not`: they are none."""

    def __init__(self, folder: Path, *, guard: Guard) -> None:
        self.folder = folder
        self.guard = guard
        self.children: list[Child] = []
        self.others = [Host(f"elsewhere-{number}") for number in range(OTHERS)]
        self.address = LOOPBACK
        self.why_not = ""

    def start(self) -> None:
        try:
            self.others = [self._make_host(number) for number in range(OTHERS)]
            self.address = str(cable_of(0)[1])
        except (StartError, OSError, subprocess.CalledProcessError) as error:
            self.why_not = " ".join(str(getattr(error, "stderr", "") or error).split())

    def _make_host(self, number: int) -> Host:
        """It lives as long as a process of it, and the cable with it: nothing is left to be cleared away."""
        ours = os.readlink("/proc/self/ns/net")
        host = Child(
            name=f"elsewhere-{number}",
            command=["unshare", "--net", "--uts", "sleep", "infinity"],
            log=self.folder / f"elsewhere-{number}.log",
            guard=self.guard,
            is_ready=lambda: os.readlink(f"/proc/{host.process and host.process.pid}/ns/net") != ours,
        )
        host.start()
        self.children.append(host)
        host.wait_until_ready(5)
        assert host.process
        pid = str(host.process.pid)
        there = ("nsenter", "--target", pid, "--net", "--uts")
        near, (_, our_end, their_end, _) = f"pv{os.getpid()}n{number}", cable_of(number)
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", pid)
        _run("ip", "address", "add", f"{our_end}/30", "dev", near)
        _run("ip", "link", "set", near, "up")
        _run(*there, "hostname", host.name)
        _run(*there, "ip", "address", "add", f"{their_end}/30", "dev", "eth0")
        _run(*there, "ip", "link", "set", "eth0", "up")
        _run(*there, "ip", "route", "add", "default", "via", str(our_end))
        return Host(host.name, there)

    def offer(self, sockets: Sequence[str]) -> list[int]:
        """Make unix sockets reachable from the other hosts; the ports, in their order."""
        listeners = [socket.create_server((self.address, 0), backlog=200) for _ in sockets]
        numbers = [each.fileno() for each in listeners]
        child = Child(
            name="relay",
            command=[sys.executable, relay.__file__, *map(str, chain(*zip(numbers, sockets, strict=True)))],
            log=self.folder / "relay.log",
            guard=self.guard,
            is_ready=lambda: True,
            options={"pass_fds": numbers},
        )
        child.start()
        self.children.append(child)
        ports = [each.getsockname()[1] for each in listeners]
        for each in listeners:
            each.close()
        return ports

    def close(self) -> None:
        for child in reversed(self.children):
            child.stop()


def cable_of(number: int) -> list[IPv4Address]:
    """The addresses of a cable: its network, our end, the other end, its broadcast."""
    first = (os.getpid() * OTHERS + number) * 4 % TRIALS.num_addresses
    return [TRIALS[first + place] for place in range(4)]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
