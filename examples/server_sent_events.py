"""A web server that streams answers as server-sent events. A browser that reconnects misses nothing.

Each event carries its number as the ``id``. When a connection breaks, a browser's ``EventSource`` reconnects by itself
and sends the last number as ``Last-Event-ID``: the session's events after it follow, from the router that holds them.

python examples/server_sent_events.py          asks, breaks the connection, and reconnects: a client of its own
python examples/server_sent_events.py 8000     serves: open http://127.0.0.1:8000/ in a browser
"""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import msgspec

import rayconteur as rc

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Raven</title><pre id="answer"></pre><script>
const events = new EventSource("/events?ask=" + encodeURIComponent("Tell me of ravens, in a few words."));
events.addEventListener("textchunk", e => answer.textContent += JSON.parse(e.data).text);
events.addEventListener("completed", e => events.close());
</script>"""
SLOW = rc.Scripted(script=rc.scripted.Script(tokens_per_s=20))


class Server:
    """Serves one session to its visitors, over plain HTTP."""

    def __init__(self, session: rc.SessionHandle) -> None:
        self.session = session

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request. When the visitor is gone, only this stream ends."""
        try:
            request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            address = urlsplit(request.split()[1])
            if address.path == "/events":
                await self.stream_events(writer, headers.get("last-event-id"), parse_qs(address.query))
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + PAGE)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def stream_events(
        self, writer: asyncio.StreamWriter, last_event_id: str | None, query: dict[str, list[str]]
    ) -> None:
        """Ask what the visitor asks, unless it only reconnects, and stream what follows until the turn ends."""
        if last_event_id is None:
            receipt = await self.session.send(rc.UserMessage.of(query["ask"][0]))
            last_event_id = str(receipt.seq)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        events = self.session.events(after=int(last_event_id))
        try:
            async for event in events:
                kind = type(event).__name__.lower()
                writer.write(f"id: {event.seq}\nevent: {kind}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n")
                await writer.drain()
                if isinstance(event, rc.Completed | rc.Failed | rc.Interrupted):
                    return
        finally:
            events.close()


async def read_events(port: int, last_event_id: str | None, most: int | None) -> tuple[str, str]:
    """As a browser reads: the text of up to *most* events, and the last id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reconnects = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
    writer.write(f"GET /events?ask=Ravens+play,+hide+food+and+talk. HTTP/1.1\r\n{reconnects}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    text, count = "", 0
    while (most is None or count < most) and (block := await next_block(reader)):
        fields = dict(line.split(": ", 1) for line in block.strip().split("\n"))
        last_event_id = fields["id"]
        count += 1
        if fields["event"] == "textchunk":
            text += msgspec.json.decode(fields["data"], type=rc.TextChunk).text
    writer.close()
    return text, last_event_id or ""


async def next_block(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\n\n")).decode()
    except asyncio.IncompleteReadError:
        return ""


async def main(port: int | None) -> None:
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=SLOW))
        server = await asyncio.start_server(Server(session).serve, "127.0.0.1", port or 0)
        async with server:
            if port:
                await server.serve_forever()
            first, last_event_id = await read_events(server.sockets[0].getsockname()[1], None, most=5)
            print(f"before the connection broke, up to event {last_event_id}: {first!r}")
            rest, _ = await read_events(server.sockets[0].getsockname()[1], last_event_id, most=None)
            print(f"after it: {rest!r}")
            print(f"nothing is missing: {first + rest}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else None))
