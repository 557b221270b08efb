"""An SMTP server that remembers every mail it took, and can be slow, refuse, cut the line or be gone."""

import asyncio
import re
import socket
import ssl
from collections import Counter
from threading import Event, Thread

_MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*(<[^>\r\n]+>)")

LONGEST_THOUGHT = 30  # seconds


class Sink:
    def __init__(self, address: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.tls = tls  # of the conversations from the next `come` on
        self.taken: Counter[str] = Counter()  # copies by Message-ID, kept before the answer was said
        self.senders: Counter[str] = Counter()  # copies by the address they came from
        self.delay = 0.0  # seconds before the answer to a message
        self.replies: list[bytes] = []  # said in turn to the next RCPT instead of 250
        self.may_refuse = Event()  # while it is not set, the server thinks about a refusal, and says nothing to anybody
        self.may_refuse.set()
        self.cuts = 0  # connections still to be cut after a message was kept
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self.port = 0
        Thread(target=self._loop.run_forever, daemon=True).start()
        self.come()

    def come(self) -> None:
        """Listen, on the same port as before."""
        listener = socket.create_server((self.address, self.port), backlog=200)
        self.port = listener.getsockname()[1]
        making = self._loop.create_server(lambda: Conversation(self), sock=listener, ssl=self.tls)
        self._server = asyncio.run_coroutine_threadsafe(making, self._loop).result()

    def go(self) -> None:
        """Nobody listens any longer; conversations that go on are not cut."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    async def _close(self) -> None:
        assert self._server
        self._server.close()


class Conversation(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = b""
        self.in_data = self.has_recipient = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # of TLS, another class
        self.sender: str = transport.get_extra_info("peername")[0]
        self.say(b"220 sink")

    def say(self, line: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(line + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            found, separator, rest = self.buffer.partition(end)
            if not separator:
                return
            self.buffer = rest
            self.take_message(found) if self.in_data else self.take_command(found)

    def take_command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say(b"250-sink\r\n250 PIPELINING")
        elif verb == b"DATA":
            self.in_data = self.has_recipient
            self.say(b"354 go on" if self.has_recipient else b"554 to nobody")
        elif verb == b"QUIT":
            self.say(b"221 bye")
            self.transport.close()
        elif verb == b"RCPT" and self.sink.replies:
            reply = self.sink.replies.pop()
            self.sink.may_refuse.wait(LONGEST_THOUGHT)
            self.say(reply)
            if reply.startswith(b"421"):
                self.transport.close()
        else:
            self.has_recipient = verb == b"RCPT"
            self.say(b"250 ok")

    def take_message(self, message: bytes) -> None:
        self.in_data = self.has_recipient = False
        found = _MESSAGE_ID.search(message)
        assert found, "a mail without a Message-ID"
        self.sink.taken[found.group(1).decode()] += 1
        self.sink.senders[self.sender] += 1
        if self.sink.cuts > 0:
            self.sink.cuts -= 1
            self.transport.abort()
            return
        asyncio.get_running_loop().call_later(self.sink.delay, self.say, b"250 taken")
