"""One WebSocket to a venue, by picows: frames as they come, in the callback that read them.

A frame of picows points into its read buffer and is copied before anything else happens. Compression is not offered;
a fragmented message is put together; pings of the protocol are answered by picows.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable

from picows import WSCloseCode, WSError, WSFrame, WSHandshakeError, WSListener, WSMsgType, WSTransport, ws_connect

from pilotfish.venues.net.terms import WireTerms

_WHOLE = (WSMsgType.TEXT, WSMsgType.BINARY)
_WHY_MAX = 200


class Socket(WSListener):
    """One connection. `on_open` and `on_message` are called in order, synchronously, and not after `close`."""

    def __init__(
        self,
        name: str,
        on_open: Callable[[Socket], None],
        on_message: Callable[[Socket, bytes], None],
        terms: WireTerms,
    ) -> None:
        self.name = name
        self._on_open, self._on_message = on_open, on_message
        self._terms = terms
        self._transport: WSTransport | None = None
        self._parts = bytearray()
        self._in_parts = self._closed = False
        self.dialled = False  # whether a connection was begun
        self._why = "the venue closed the connection"

    async def live(self, url: str) -> str:
        """Connect, and stay until the connection ends, or never was; says why."""
        self.dialled = True
        try:
            transport = await self._connect(url)
            await transport.wait_disconnected()
        except TimeoutError:
            return "no connection in time"
        except WSHandshakeError as bad:
            return f"the venue refused the stream ({bad.response.status.value if bad.response else 'no HTTP'})"
        except OSError as bad:
            return _reason(bad)
        except WSError as bad:  # what the venue sent is no WebSocket
            return str(bad)[:_WHY_MAX]
        except Exception as bad:  # whatever it was, the stream is not there, and the session must hear of it
            return type(bad).__name__
        finally:
            self._closed = True  # should a handshake that was given up succeed after all
        return self._why

    async def _connect(self, url: str) -> WSTransport:
        async with asyncio.timeout(2 * self._terms.connect_s):
            transport, _ = await ws_connect(
                lambda *_: self,
                url,
                ssl_context=self._terms.context,
                websocket_handshake_timeout=self._terms.connect_s,
                enable_auto_ping=False,
                max_frame_size=self._terms.message_bytes_max,
                max_redirects=0,
            )
        return transport

    def send(self, data: bytes) -> bool:
        """One text frame, at once. False when there is no connection to send it on."""
        if self._transport is None or self._closed or self._transport.is_disconnected:
            return False
        self._transport.send(WSMsgType.TEXT, data)
        return True

    def close(self) -> None:
        """Say goodbye and end the connection when what was sent is out."""
        self._end(WSCloseCode.OK)

    def abort(self) -> None:
        """Drop the connection, whatever is under way."""
        self._closed = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # What picows calls.

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self._closed:
            return transport.disconnect(graceful=False)
        self._on_open(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._closed:
            return
        kind = frame.msg_type
        if kind in _WHOLE and not frame.rsv1 and not self._in_parts:
            if frame.fin:
                self._on_message(self, frame.get_payload_as_bytes())
            else:
                self._in_parts = True
                self._parts += frame.get_payload_as_bytes()
        elif kind == WSMsgType.CLOSE:
            self._why = f"the venue closed the connection ({frame.get_close_code().value})"
            self._end(WSCloseCode.OK)
        elif kind == WSMsgType.CONTINUATION and self._in_parts:
            self._part(frame)
        elif kind not in (WSMsgType.PING, WSMsgType.PONG):
            self._why = "a frame out of order, or compressed"
            self._end(WSCloseCode.PROTOCOL_ERROR)

    def pause_writing(self) -> None:
        """Nothing is held back: a session sends little, and a stream that takes nothing is found out by its pings."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def _part(self, frame: WSFrame) -> None:
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > self._terms.message_bytes_max:
            self._why = f"a message of more than {self._terms.message_bytes_max} bytes"
            return self._end(WSCloseCode.MESSAGE_TOO_BIG)
        if frame.fin:
            message = bytes(self._parts)
            self._parts.clear()
            self._in_parts = False
            self._on_message(self, message)

    def _end(self, code: WSCloseCode) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.send_close(code)
            self._transport.disconnect()


def _reason(bad: OSError) -> str:
    if isinstance(bad, ssl.SSLError):
        return f"TLS: {bad.reason or type(bad).__name__}"
    return os.strerror(bad.errno) if bad.errno and bad.errno > 0 else bad.strerror or type(bad).__name__
