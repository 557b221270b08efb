"""Carries connections on from TCP to unix sockets: `python relay.py LISTENER SOCKET [LISTENER SOCKET …]`.

A listener is the number of an open file, or `address:port`.
"""

import asyncio
import socket
import sys
from asyncio import StreamReader, StreamWriter


async def carry(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(256 * 1024):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # as a cable, it says no more than that the other end is gone
    finally:
        writer.close()


def listening(where: str) -> socket.socket:
    if where.isdecimal():
        return socket.socket(fileno=int(where))
    address, _, port = where.rpartition(":")
    return socket.create_server((address, int(port)), backlog=200)


async def serve(listener: str, path: str) -> None:
    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            service_reader, service_writer = await asyncio.open_unix_connection(path)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, service_writer), carry(service_reader, writer))

    server = await asyncio.start_server(connect, sock=listening(listener))
    await server.serve_forever()


async def main(arguments: list[str]) -> None:
    await asyncio.gather(
        *(serve(listener, path) for listener, path in zip(arguments[::2], arguments[1::2], strict=True))
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
