"""HTTP requests to a venue: one answer or one reason, within a time and a size. No redirect is followed."""

from __future__ import annotations

from typing import NamedTuple

import aiohttp
from yarl import URL

from pilotfish import __version__
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.session import SECOND, Ask

CONNECTIONS_MAX = 64
CHUNK = 2**16


class Answered(NamedTuple):
    """Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Http:
    """A client for one venue, to be closed. Certificates are checked."""

    def __init__(self, terms: WireTerms) -> None:
        self._most = terms.body_bytes_max
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ssl=terms.context or True, keepalive_timeout=30.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"pilotfish/{__version__}"},
        )

    async def ask(self, ask: Ask) -> Answered | str:
        """The answer, or why there is none; then nobody knows whether the request arrived."""
        try:
            # The URL goes out as it was signed, and a reason names neither it nor a header: both can hold secrets.
            async with self._session.request(
                ask.method,
                URL(ask.url, encoded=True),
                data=ask.body or None,
                headers=ask.headers,
                timeout=aiohttp.ClientTimeout(total=ask.timeout_ns / SECOND),
                allow_redirects=False,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(CHUNK):
                    body += chunk
                    if len(body) > self._most:
                        response.close()
                        return f"an answer of more than {self._most} bytes"
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answered(response.status, headers, bytes(body))
        except TimeoutError:
            return f"no answer in {ask.timeout_ns / SECOND:g} s"
        except aiohttp.ClientConnectorCertificateError:
            return "the venue's certificate is not valid"
        except Exception as bad:  # whatever it was, there is no answer, and the session must hear of it
            return type(bad).__name__

    async def close(self) -> None:
        await self._session.close()
