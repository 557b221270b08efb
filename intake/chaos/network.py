"""Other hosts: network namespaces with a name of their own, on one switch, where the system allows them."""

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

# Addresses for trials of networks, which are nobody's (RFC 2544). Each run has 256 of them.
TRIALS = list(IPv4Network("198.18.0.0/15").subnets(new_prefix=24))
LOOPBACK = "127.0.0.1"
OTHERS = ("elsewhere-0", "elsewhere-1")


@dataclass(frozen=True)
class Host:
    name: str
    address: str = LOOPBACK
    prefix: tuple[str, ...] = ()  # of a command that is to run there
    is_here: bool = False


HERE = Host("here", is_here=True)


class Network:
    """`others`: hosts that reach ours by TCP alone. `address`: ours, as they know it. `why_not`: they are none."""

    def __init__(self, folder: Path, *, guard: Guard) -> None:
        self.folder = folder
        self.guard = guard
        self.children: list[Child] = []
        self.subnet = TRIALS[os.getpid() % len(TRIALS)]
        self.others = [Host(name) for name in OTHERS]
        self.address = LOOPBACK
        self.why_not = ""

    def start(self) -> None:
        try:
            self._make_switch()
            self.others = [self.add_host(name) for name in OTHERS]
            self.address = str(self._end(1))
        except (StartError, OSError, subprocess.CalledProcessError) as error:
            self.why_not = " ".join(str(getattr(error, "stderr", "") or error).split())

    def _make_switch(self) -> None:
        """In a namespace of its own, with a cable to us. It goes with its process, and all cables with it."""
        self.switch = self._make_namespace("switch")
        ours = f"pv{os.getpid()}"
        _run(*self._in(self.switch), "ip", "link", "add", "switch", "type", "bridge")
        _run(*self._in(self.switch), "ip", "link", "set", "switch", "up")
        _run("ip", "link", "add", ours, "type", "veth", "peer", "name", "us", "netns", self.switch)
        self._plug_in("us")
        _run("ip", "address", "add", f"{self._end(1)}/24", "dev", ours)
        _run("ip", "link", "set", ours, "up")

    def add_host(self, name: str) -> Host:
        """One more, on the switch."""
        number = len(self.children) + 1
        pid, there = self._make_namespace(name), self._in(self.switch)
        _run(*there, "ip", "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", pid)
        self._plug_in(f"to{number}")
        host = Host(name, str(self._end(number)), self._in(pid))
        _run(*host.prefix, "hostname", name)
        _run(*host.prefix, "ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _run(*host.prefix, "ip", "link", "set", device, "up")
        return host

    def pull_out(self, host: Host) -> None:
        """It has no network any more: nothing reaches it, and it is told nothing."""
        _run(*host.prefix, "ip", "link", "set", "eth0", "down")

    def put_back(self, host: Host) -> None:
        _run(*host.prefix, "ip", "link", "set", "eth0", "up")

    def _make_namespace(self, name: str) -> str:
        """The process whose it is."""
        ours = os.readlink("/proc/self/ns/net")
        child = Child(
            name=name,
            command=["unshare", "--net", "--uts", "--mount", "sleep", "infinity"],
            log=self.folder / f"{name}.log",
            guard=self.guard,
            is_ready=lambda: os.readlink(f"/proc/{child.process and child.process.pid}/ns/net") != ours,
        )
        child.start()
        self.children.append(child)
        child.wait_until_ready(5)
        assert child.process
        return str(child.process.pid)

    def _plug_in(self, cable: str) -> None:
        _run(*self._in(self.switch), "ip", "link", "set", cable, "master", "switch")
        _run(*self._in(self.switch), "ip", "link", "set", cable, "up")

    @staticmethod
    def _in(pid: str) -> tuple[str, ...]:
        return ("nsenter", "--target", pid, "--net", "--uts", "--mount", f"--wdns={os.getcwd()}")

    def _end(self, number: int) -> IPv4Address:
        return self.subnet[number]

    def offer(self, sockets: Sequence[str]) -> list[int]:
        """Make unix sockets reachable from the other hosts by our address; the ports, in their order."""
        listeners = [socket.create_server((self.address, 0), backlog=200) for _ in sockets]
        numbers = [each.fileno() for each in listeners]
        self._relay(HERE, [str(part) for part in chain(*zip(numbers, sockets, strict=True))], pass_fds=numbers)
        ports = [each.getsockname()[1] for each in listeners]
        for each in listeners:
            each.close()
        return ports

    def offer_on(self, host: Host, port: int, service: str) -> Child:
        """Make a unix socket that host's service: who reaches the host reaches it, and nobody else."""
        return self._relay(host, [f"{host.address}:{port}", service])

    def _relay(self, host: Host, arguments: list[str], *, pass_fds: Sequence[int] = ()) -> Child:
        child = Child(
            name=f"relay-{host.name}",
            command=[*host.prefix, sys.executable, relay.__file__, *arguments],
            log=self.folder / f"relay-{host.name}.log",
            guard=self.guard,
            is_ready=lambda: True,
            options={"pass_fds": pass_fds},
        )
        child.start()
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in reversed(self.children):
            child.stop()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
