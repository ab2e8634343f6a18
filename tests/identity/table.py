"""Who gets in where: every route of the site with the rule that it follows.

A route that is not in `TABLE` fails `test_every_route`: whoever adds one says here whom it lets in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

OK, SIGN_IN, FORBIDDEN, NOT_FOUND = "ok", "sign in", "forbidden", "not found"
PEOPLE = ("alice", "bob", "dora", "charlie", "nobody", "guest")
"""alice owns the debates and the workspace, bob is a member of it, dora a viewer, charlie a
stranger; nobody is not signed in, and guest neither, but has the shared link of the debate."""
VISIBILITIES = ("private", "workspace", "public")


class Rule(Enum):
    """Whom a route lets in."""

    ALL = "everybody, and what it shows is what they may see"
    READ = "whoever may read the debate"
    SPEAK = "whoever may read the debate by themselves"
    STEER = "the owner, and members where it is not private"
    MANAGE = "the owner, and owners of the workspace where it is not private"
    BATCH = "the owner, and the workspace where it is not private, though it be public"
    CANCEL_BATCH = "those of BATCH who may steer"
    LINK = "whoever has the shared link"
    SIGNED_IN = "people with an account, and it is about their own"
    MEMBER = "members of the workspace"
    OWNER = "owners of the workspace"
    OWN_KEY = "the owner of the API key"
    OWN_MEMORY = "alice, whose memory it is; for others it is not there"
    STREAM = "as READ; tests/streaming follows these, over real connections"


def expected(rule: Rule, person: str, visibility: str) -> str:
    """What the rule says to a person about a debate of that visibility."""
    signed_in = person in ("alice", "bob", "dora", "charlie")
    belongs = person in ("alice", "bob", "dora")
    reads = person == "alice" or visibility == "public" or (visibility == "workspace" and belongs)
    refused = FORBIDDEN if signed_in else SIGN_IN
    match rule:
        case Rule.ALL | Rule.LINK:
            return OK
        case Rule.READ:
            return OK if reads or person == "guest" else NOT_FOUND
        case Rule.SPEAK:
            return OK if reads else NOT_FOUND
        case Rule.STEER:
            steers = person == "alice" or (person == "bob" and visibility != "private")
            return OK if steers else refused if reads else NOT_FOUND
        case Rule.BATCH | Rule.CANCEL_BATCH:
            if person != "alice" and (not belongs or visibility == "private"):
                return NOT_FOUND
            return FORBIDDEN if rule is Rule.CANCEL_BATCH and person == "dora" else OK
        case Rule.MANAGE:
            return OK if person == "alice" else refused if reads else NOT_FOUND
        case Rule.SIGNED_IN:
            return OK if signed_in else SIGN_IN
        case Rule.MEMBER:
            return OK if belongs else NOT_FOUND if signed_in else SIGN_IN
        case Rule.OWNER:
            if not signed_in:
                return SIGN_IN
            return OK if person == "alice" else FORBIDDEN if belongs else NOT_FOUND
        case Rule.OWN_MEMORY | Rule.OWN_KEY:
            unseen = NOT_FOUND if signed_in or rule is Rule.OWN_MEMORY else SIGN_IN
            return OK if person == "alice" else unseen
    raise AssertionError(rule)


@dataclass(frozen=True)
class Line:
    """A method of a route."""

    rule: Rule
    body: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    may_be: tuple[int, ...] = ()
    """Further statuses that are as good as letting in, where nothing is there to be had."""


DEBATE = "api/v1/debates/<ref>"
QUESTION = {"task": "Should the town build the tram?"}
PASSWORDS = {"current_password": "correct horse battery staple", "new_password": "another horse"}
ACCOUNT = {"username": "erin", "email": "erin@example.org", "password": "another horse battery"}

_READS = (
    *("messages", "rounds", "votes", "agents", "convergence", "consensus", "summary"),
    *("costs", "metadata", "audience", "events", "timeline", "evidence", "forks"),
)
_NAMES = {"api/v1/debates/<ref>", "api/debates/<ref>", "api/v1/debates/slug/<ref>"}
_NAMES |= {"api/v1/debate/<ref>"}
_STARTS = ("v1/debates", "debates", "v1/debate", "debate", "v1/debate-this", "debate-this")
_AGENTS = ("v1/agents/<name>", "agents/<name>", "v1/agent/<name>", "v1/agent/<name>/profile")
_AGENTS += ("v1/agents/<name>/elo", "v1/agent/<name>/elo")
_AGENTS += ("v1/agents/<name>/calibration", "v1/agent/<name>/calibration")
_RANKINGS = ("v1/leaderboard", "leaderboard", "v1/rankings", "rankings", "agents/leaderboard")
_RANKINGS += ("v1/leaderboard-view", "leaderboard-view")

TABLE: dict[str, Line] = {
    # Probes, and what the API says of itself
    **{f"GET {path}": Line(Rule.ALL, may_be=(503,)) for path in ("healthz", "livez", "readyz")},
    "GET api/v1/health": Line(Rule.ALL, may_be=(503,)),
    "GET api/health": Line(Rule.ALL, may_be=(503,)),
    "GET api/openapi.json": Line(Rule.ALL),
    "GET api/docs": Line(Rule.ALL),
    # Debates
    **{f"POST api/{path}": Line(Rule.ALL, QUESTION) for path in _STARTS},
    **{
        f"GET api/{path}": Line(Rule.ALL)
        for part in ("", "/active", "/archived")
        for path in (f"v1/debates{part}", f"debates{part}")
    },
    "GET api/v1/debates/estimate-cost": Line(Rule.ALL),
    **{
        f"POST api/v1/{path}": Line(Rule.ALL, {"requests": [QUESTION]})
        for path in ("debates/batch", "batch")
    },
    "GET api/v1/debates/batch": Line(Rule.ALL),
    **{f"GET api/v1/debates/batch/<batch_id>{end}": Line(Rule.BATCH) for end in ("", "/status")},
    "POST api/v1/debates/batch/<batch_id>/cancel": Line(Rule.CANCEL_BATCH),
    "GET api/v1/batch/queue/status": Line(Rule.ALL),
    **{f"GET {path}": Line(Rule.READ) for path in _NAMES},
    **{
        f"{method} {path}": Line(Rule.MANAGE, body)
        for path in ("api/v1/debates/<ref>", "api/debates/<ref>")
        for method, body in (("PATCH", {"title": "Tram"}), ("DELETE", {}))
    },
    **{f"GET {DEBATE}/{part}": Line(Rule.READ) for part in _READS},
    "GET api/debates/<ref>/events": Line(Rule.READ),
    f"GET {DEBATE}/export/<format>": Line(Rule.READ),
    f"GET {DEBATE}/receipt": Line(Rule.READ),
    "POST api/v1/receipts/verify": Line(Rule.ALL, {"receipt": {}, "signature": {}}),
    "GET api/v1/receipts/key": Line(Rule.ALL),
    "GET api/v1/debates/<str:reference>/events/stream": Line(Rule.STREAM),
    "GET api/debates/<str:reference>/events/stream": Line(Rule.STREAM),
    **{
        f"POST {DEBATE}/{act}": Line(Rule.STEER)
        for act in ("start", "pause", "resume", "stop", "cancel")
    },
    **{f"POST {DEBATE}/{act}": Line(Rule.MANAGE) for act in ("archive", "unarchive")},
    **{f"POST {DEBATE}/{act}": Line(Rule.SPEAK) for act in ("clone", "fork", "followup")},
    f"POST {DEBATE}/decide": Line(Rule.SPEAK, {"mode": "borda"}),
    f"POST {DEBATE}/vote": Line(Rule.SPEAK, {"choice": "Yes"}),
    f"GET {DEBATE}/interventions": Line(Rule.READ),
    f"GET {DEBATE}/intervention/log": Line(Rule.READ),
    **{
        f"POST {DEBATE}/{act}": Line(Rule.STEER, {"type": "challenge", "content": "Why a tram?"})
        for act in ("intervene", "intervention/inject", "messages")
    },
    f"POST {DEBATE}/user-input": Line(Rule.SPEAK, {"input": "Ask the cyclists."}),
    f"POST {DEBATE}/suggest": Line(Rule.SPEAK, {"suggestion": "Ask the drivers."}),
    **{
        f"POST {path}/{act}": Line(Rule.MANAGE)
        for path in (DEBATE, "api/debates/<ref>")
        for act in ("share", "share/revoke")
    },
    "GET api/v1/shared/<token>": Line(Rule.LINK),
    f"POST {DEBATE}/outcome": Line(Rule.STEER, {"came_true": True}),
    **{
        f"GET api/{path}": Line(Rule.ALL)
        for path in ("v1/debates/queue/status", "debates/queue/status", "v1/debates/trending")
    },
    "GET api/v1/consensus/similar": Line(Rule.ALL, query="topic=trams"),
    **{f"GET api/v1/consensus/{part}": Line(Rule.ALL) for part in ("dissents", "settled", "stats")},
    # Memory
    **{
        f"GET api/v1/memory/{part}": Line(Rule.ALL)
        for part in ("entries", "pressure", "stats", "tier-stats", "tiers")
    },
    "GET api/v1/memory/search": Line(Rule.ALL, query="q=trams"),
    "GET api/v1/memory/continuum/retrieve": Line(Rule.ALL, query="query=trams"),
    "POST api/v1/memory/store": Line(Rule.ALL, {"content": "Trams are loud."}),
    "POST api/v1/memory/consolidate": Line(Rule.ALL),
    "POST api/v1/memory/continuum/consolidate": Line(Rule.ALL),
    "DELETE api/v1/memory/continuum/<memory_id>": Line(Rule.OWN_MEMORY),
    "POST api/v1/memory/<memory_id>/pin": Line(Rule.OWN_MEMORY),
    "POST api/v1/memory/<memory_id>/promote": Line(Rule.OWN_MEMORY, {"target_tier": "glacial"}),
    # Agents and ratings, which are everybody's
    **{f"GET api/{path}": Line(Rule.ALL) for path in ("v1/agents", "agents", *_AGENTS)},
    **{f"GET api/{path}": Line(Rule.ALL) for path in _RANKINGS},
    # Accounts, keys, workspaces
    "POST api/v1/auth/register": Line(Rule.ALL, ACCOUNT),
    "POST api/v1/auth/login": Line(Rule.ALL, {"username": "x", "password": "x"}, may_be=(401,)),
    "POST api/v1/auth/logout": Line(Rule.SIGNED_IN),
    "GET api/v1/auth/me": Line(Rule.SIGNED_IN),
    "GET api/auth/profile": Line(Rule.SIGNED_IN),
    "PATCH api/v1/auth/me": Line(Rule.SIGNED_IN, {"name": "A."}),
    "POST api/v1/auth/password/change": Line(Rule.SIGNED_IN, PASSWORDS),
    "GET api/v1/preferences": Line(Rule.SIGNED_IN),
    "PATCH api/v1/preferences": Line(Rule.SIGNED_IN, {"rounds": 2}),
    "DELETE api/v1/preferences": Line(Rule.SIGNED_IN),
    "GET api/v1/auth/api-keys": Line(Rule.SIGNED_IN),
    "POST api/v1/auth/api-keys": Line(Rule.SIGNED_IN, {"name": "a program"}),
    "DELETE api/v1/auth/api-keys/<key_id>": Line(Rule.OWN_KEY),
    "GET api/v1/workspaces": Line(Rule.SIGNED_IN),
    "POST api/v1/workspaces": Line(Rule.SIGNED_IN, {"name": "Buses"}),
    "GET api/v1/workspaces/<workspace>": Line(Rule.MEMBER),
    "PATCH api/v1/workspaces/<workspace>": Line(Rule.OWNER, {"name": "Buses"}),
    "GET api/v1/workspaces/<workspace>/members": Line(Rule.MEMBER),
    "POST api/v1/workspaces/<workspace>/members": Line(Rule.OWNER, {"username": "charlie"}),
    "PATCH api/v1/workspaces/<workspace>/members/<user_id>": Line(Rule.OWNER, {"role": "viewer"}),
    "DELETE api/v1/workspaces/<workspace>/members/<user_id>": Line(Rule.OWNER),
    # Pages
    "GET ": Line(Rule.ALL),
    "POST ": Line(Rule.ALL, {"question": "Should the town build the tram?"}),
    "POST estimate/": Line(Rule.ALL),
    "POST examples/<int:number>/": Line(Rule.ALL),
    "GET debates/": Line(Rule.ALL),
    "GET debates/<slug:slug>/": Line(Rule.SPEAK),
    "POST debates/<slug:slug>/control/": Line(Rule.STEER, {"action": "pause"}),
    "POST debates/<slug:slug>/panel/": Line(
        Rule.STEER, {"type": "challenge", "content": "Why a tram?"}
    ),
    "POST debates/<slug:slug>/audience/": Line(
        Rule.SPEAK, {"action": "vote", "choice": "Yes", "intensity": "5"}
    ),
    "POST debates/<slug:slug>/clone/": Line(Rule.SPEAK),
    **{
        f"{method} debates/<slug:slug>/{page}/": Line(Rule.SPEAK)
        for method in ("GET", "POST")
        for page in ("followup", "fork")
    },
    "POST debates/<slug:slug>/archive/": Line(Rule.MANAGE),
    "GET debates/<slug:slug>/cancel/": Line(Rule.STEER),
    "POST debates/<slug:slug>/share/": Line(Rule.MANAGE),
    "GET shared/<str:token>/": Line(Rule.LINK),
    **{
        f"GET {path}/": Line(Rule.ALL)
        for path in ("leaderboard", "agents", "about", "sign-in", "register")
    },
    "GET favicon.ico": Line(Rule.ALL),
    "POST sign-in/": Line(Rule.ALL),
    "POST sign-out/": Line(Rule.ALL),
    "POST register/": Line(Rule.ALL, ACCOUNT),
    "GET password/forgotten/": Line(Rule.ALL),
    "POST password/forgotten/": Line(Rule.ALL, {"email": "erin@example.org"}),
    "GET password/sent/": Line(Rule.ALL),
    "GET password/new/<uidb64>/<token>/": Line(Rule.ALL),
    "POST password/new/<uidb64>/<token>/": Line(Rule.ALL),
    "GET account/": Line(Rule.SIGNED_IN),
    "POST account/": Line(Rule.SIGNED_IN, {"email": "a@example.org"}),
    "GET account/password/": Line(Rule.SIGNED_IN),
    "POST account/password/": Line(Rule.SIGNED_IN, PASSWORDS),
    "GET account/preferences/": Line(Rule.SIGNED_IN),
    "POST account/preferences/": Line(Rule.SIGNED_IN, {"rounds": "2"}),
    "GET account/preferences/reset/": Line(Rule.SIGNED_IN),
    "POST account/preferences/reset/": Line(Rule.SIGNED_IN),
    "GET account/keys/": Line(Rule.SIGNED_IN),
    "POST account/keys/": Line(Rule.SIGNED_IN),
    "POST account/keys/<uuid:key_id>/revoke/": Line(Rule.OWN_KEY),
    "GET memory/": Line(Rule.ALL),
    "GET memory/export/": Line(Rule.ALL),
    "POST memory/fact/": Line(Rule.ALL, {"content": "Trams are loud."}),
    "GET memory/<int:entry_id>/": Line(Rule.OWN_MEMORY),
    "POST memory/<int:entry_id>/change/": Line(Rule.OWN_MEMORY, {"action": "pin"}),
    "GET memory/<int:entry_id>/forget/": Line(Rule.OWN_MEMORY),
    "POST debates/<slug:slug>/outcome/": Line(Rule.STEER, {"came_true": "right"}),
    "GET workspaces/": Line(Rule.SIGNED_IN),
    "POST workspaces/": Line(Rule.SIGNED_IN, {"name": "Buses"}),
    "GET workspaces/<slug:slug>/": Line(Rule.MEMBER),
    "POST workspaces/<slug:slug>/name/": Line(Rule.OWNER, {"name": "Buses"}),
    "POST workspaces/<slug:slug>/members/": Line(
        Rule.OWNER, {"username": "charlie", "role": "viewer"}
    ),
    "POST workspaces/<slug:slug>/members/<int:user_id>/": Line(Rule.OWNER, {"role": "viewer"}),
}
