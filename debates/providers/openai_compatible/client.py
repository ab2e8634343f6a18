"""The client library's place, taken by one request and nothing else.

`pydantic-ai` knows what each model wants to be told and how servers word their refusals, and asks
by way of this client. The library's own client copies every message several times before it sends
it; together with what both libraries make of the answer that was nine tenths of a call.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import cached_property
from typing import Any

import httpx2
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, NotGiven, Omit
from pydantic_core import to_json


class ChatClient(AsyncOpenAI):
    """Gives the open response in place of a completion; errors are the library's."""

    @cached_property
    def chat(self) -> Any:
        return _Chat(self)


class _Chat:
    def __init__(self, client: ChatClient) -> None:
        self.completions = _Completions(client)


class _Completions:
    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._http = client._client
        self._url = httpx2.URL(f"{str(client.base_url).rstrip('/')}/chat/completions")
        self._headers = httpx2.Headers(
            {
                "host": self._url.netloc.decode("ascii"),
                "accept": "application/json, text/event-stream",
                "accept-encoding": "gzip, deflate",
                "connection": "keep-alive",
                "authorization": f"Bearer {client.api_key}",
                "content-type": "application/json",
            }
        )

    async def create(
        self,
        *,
        extra_headers: dict[str, str] | None = None,
        extra_body: dict[str, Any] | None = None,
        **fields: Any,
    ) -> httpx2.Response:
        """The response, not read yet; whoever gets it closes it."""
        del fields["timeout"]  # That of the HTTP client holds.
        body = {
            name: value
            for name, value in fields.items()
            if not isinstance(value, Omit | NotGiven) and value is not None
        }
        headers = self._headers.copy()
        headers.update(extra_headers)
        request = httpx2.Request(
            "POST",
            self._url,
            content=to_json(body | (extra_body or {})),
            headers=headers,
            extensions={"timeout": self._http.timeout.as_dict()},
        )
        try:
            response = await self._http.send(request, stream=True)
            if not response.is_success:
                async with aclosing(response):
                    await response.aread()
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise APIConnectionError(request=request) from error
        if not response.is_success:
            raise self._client._make_status_error_from_response(response)
        return response
