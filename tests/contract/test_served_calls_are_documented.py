"""docs/API.md says which calls of the client are answered, and it is right about all of them."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from aragora_sdk import AragoraClient

from tests.api.conftest import Api

NAMESPACES = ["debates", "batch", "agents", "leaderboard", "ranking", "health"]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "API.md"
NO_ADDRESS = "There is nothing at this address."
DUMMY = "none"
DUMMIES = {"limit": 1, "offset": 0, "page_size": 1, "n": 1, "threshold": 0.5, "weight": 1.0}


class Recorder(AragoraClient):
    """A client that notes what it would send."""

    def request(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        self.sent = (method, path)
        return {"rankings": [], "items": []}


def calls() -> list[tuple[str, str, str]]:
    """Every call of the client on these subjects: its name, method and path."""
    client = Recorder(base_url="http://127.0.0.1")
    found = []
    for namespace in NAMESPACES:
        subject = getattr(client, namespace)
        for name, call in inspect.getmembers(subject, inspect.ismethod):
            if name.startswith("_"):
                continue
            needed = [
                parameter
                for parameter in inspect.signature(call).parameters.values()
                if parameter.default is parameter.empty and parameter.kind == 1
            ]
            result = call(*(DUMMIES.get(one.name, DUMMY) for one in needed))
            if inspect.isgenerator(result) or hasattr(result, "__next__"):
                list(result)
            found.append((f"{namespace}.{name}", *client.sent))
    return found


def _missing(answer: Any, path: str) -> bool:
    """Whether nothing is there. That nobody is called "none" is an answer all the same; that no
    debate is called "statistics" is not."""
    unknown = answer.status_code == 404
    asked_for_nobody = DUMMY in path.split("/")
    return answer.status_code == 405 or (
        unknown and (not asked_for_nobody or answer.json()["error"] == NO_ADDRESS)
    )


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_lists_every_call_that_is_answered() -> None:
    api, served, others = Api(), set(), set()
    for name, method, path in calls():
        answer = api.send(method, path, {} if method in {"POST", "PATCH", "PUT"} else None)
        (others if _missing(answer, path) else served).add(name)

    text = PAGE.read_text()
    listed = text.partition("### Answered")[2].partition("### Not answered yet")
    assert set(re.findall(r"`(\w+\.\w+)`", listed[0])) == served
    assert set(re.findall(r"`(\w+\.\w+)`", listed[2].partition("\n## ")[0])) == others
