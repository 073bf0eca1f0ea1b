#!/usr/bin/env python3
"""Talks to the test plugin `sockets` by python3-websockets: web_socket_client.py ws://HOST:PORT/talk

Prints "well" and exits with 0 if everything went as expected."""
import asyncio
import os
import sys

import websockets


async def talk(uri):
    async with websockets.connect(uri, subprotocols=["other", "talk.v1"], max_size=None) as socket:
        assert socket.subprotocol == "talk.v1", socket.subprotocol
        for message in ("Grüße, €", "", b"\x00\xff", b""):
            await socket.send(message)
            assert await socket.recv() == message
        for size in (125, 126, 65535, 65536, 1 << 20):
            message = os.urandom(size)
            await socket.send(message)
            assert await socket.recv() == message, size
        # A fragmented message: the library sends a fragment for each piece that it gets.
        await socket.send(piece for piece in ("frag", "", "men", "ted"))
        assert await socket.recv() == "fragmented"
        pong = await socket.ping(b"still there?")
        await asyncio.wait_for(pong, 20)

        async def send_all():
            for i in range(10_000):
                await socket.send(str(i))
        sending = asyncio.ensure_future(send_all())
        for i in range(10_000):
            assert await socket.recv() == str(i), i
        await sending
        await socket.close(1000, "enough")
        assert socket.close_code == 1000, socket.close_code


async def be_closed(uri):
    async with websockets.connect(uri) as socket:
        await socket.send("close")
        try:
            await socket.recv()
            raise AssertionError("not closed")
        except websockets.ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "as you wish"), closed


async def send_too_much(uri):
    async with websockets.connect(uri) as socket:
        try:
            await socket.send(b"x" * ((4 << 20) + 1))
            await socket.recv()
            raise AssertionError("not closed")
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1009, closed


async def come_from_elsewhere(uri):
    try:
        await websockets.connect(uri, origin="https://evil.example")
        raise AssertionError("not refused")
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403, refused


async def main(uri):
    await asyncio.gather(*(talk(uri) for _ in range(4)), *(be_closed(uri) for _ in range(20)))
    await send_too_much(uri)
    await come_from_elsewhere(uri)
    print("well")


asyncio.run(main(sys.argv[1]))
