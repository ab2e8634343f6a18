"""When two answers are the same answer.

Agents write the same answer in different ways; `normalise` brings them to one form. The rule
behind every choice below: to miss that two answers are equal costs an exchange or a split vote,
but to take two different answers for one invents an agreement. So only what cannot change the
meaning is dropped:

- case, Unicode form (NFKC), runs of whitespace, typographic quotes and dashes;
- markdown asterisks, quotation marks, backquotes and `$…$` or `\\boxed{…}` around the whole;
- "the answer is", a leading article, and punctuation at the end ("Yes." is "yes"; the "!" of
  "5!" stays, because it is a factorial);
- commas, colons and semicolons before a space, apostrophes, hyphens between words;
- a fraction of nothing but noughts ("42.0" is "42", but "3.10" is not "3.1": it may be a
  version), and, where the whole answer is one number, its thousands separators and plus sign.

Kept, because they tell answers apart: minus signs, currencies ("$42" is neither "42" nor
"€42"), percent signs and units, superscripts ("10²" is "10^2", not "102"), vulgar fractions
("1½" is "1 1/2"), brackets and operators ("C", "C++" and "C#").

Who says that it does not know has given no answer (`is_abstention`). By the same rule only plain
forms count, and only as the whole answer: "Unknown, but probably Paris" is an answer, and so are
"None", "Unclear" and a bare "Cannot be determined", which may be what a question wants to hear.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

from debates.engine.types import CandidateId

_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "⁄": "/",
        "…": ".",
        "\u200b": None,
        "\ufeff": None,
    }
)
_BOXED = re.compile(r"\\boxed\{(.*)\}", re.DOTALL)
_LEAD = re.compile(r"(?:(?:the |my )?(?:final )?answer(?: is:?|:) )+")
_ARTICLE = re.compile(r"(?:the|an|a(?! (?:and|or)\b)(?= \w\w)) (?=.)")
_FACTORIAL = re.compile(r"(?:[\d)\]]|\b\w)!+")
_ENDS = ".,;:? "
_WRAPPERS = ("**", "*", '"', "'", "`", "$")
_PAUSE = re.compile(r"[,;:](?=\s)")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})-(?=[^\W\d_]{2})")
_NOUGHTS = re.compile(r"(?<![\w.])(\d+)\.0+(?![\w.]*\d)")
_NUMBER = re.compile(r"([-$€£¥]*)\+?(\d{1,3}(?:,\d{3})+|\d*)((?:\.\d+)?) ?(%?)")

NOT_SAID = "The documents do not say."
"""How an agent abstains that knows nothing but the documents."""
DO_NOT_KNOW = "unknown"
"""How a language model is asked to abstain."""
ABSTAINED = CandidateId("c" + "0" * 20)
"""Stands for every abstention where an id is wanted."""
_SOURCES = (
    r"(?:(?:the|these|those) )?(?:(?:given|provided|available) )?"
    r"(?:documents?|sources?|context|information)"
)
_QUESTION = r"(?:it|this|that|(?:(?:the|this) )?question)"
_ABSTENTION = re.compile(  # of normalised text: no apostrophes, no leading article
    r"""
      (?:(?:it|this)[ ]is[ ])?(?:unknown|not[ ]known)(?:[ ]to[ ]me)?
    | (?:sorry[ ])?(?:but[ ])?i[ ](?:(?:really|honestly|simply)[ ])?(?:do[ ]not|dont)[ ]know
        (?:[ ](?:the[ ]answer|it|this|that))?
    | (?:i[ ]am|im)[ ](?:not[ ]sure|unsure)
    | i[ ](?:abstain|have[ ]no[ ](?:answer|idea))
    | i[ ](?:cannot|can[ ]not|cant|am[ ]unable[ ]to|am[ ]not[ ]able[ ]to)[ ]
        (?:say|tell|know|answer(?:[ ]@QUESTION@)?)(?:[ ]from[ ]@SOURCES@)?
    | (?:@QUESTION@[ ])?(?:cannot|can[ ]not|cant|could[ ]not)[ ]be[ ]
        (?:determined|answered|known|told)[ ](?:from|with|by|based[ ]on)[ ]@SOURCES@
    | @SOURCES@[ ](?:do[ ]not|dont|does[ ]not|doesnt)[ ]
        (?:say|tell|answer[ ]@QUESTION@)(?:[ ]so)?
    | (?:(?:it|this)[ ]is[ ])?not[ ](?:stated|said|answered|mentioned)[ ](?:in|by)[ ]@SOURCES@
    """.replace("@QUESTION@", _QUESTION.replace(" ", "[ ]")).replace(
        "@SOURCES@", _SOURCES.replace(" ", "[ ]")
    ),
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def normalise(answer: str) -> str:
    """The form in which equal answers are equal strings. Empty only when nothing was said."""
    whole = answer if answer.isascii() else _plain(answer)
    whole = " ".join(whole.casefold().split())
    text = _unwrap(whole)
    if "answer" in text:
        text = _unwrap(_LEAD.sub("", text, count=1) if _LEAD.match(text) else text)
    if article := _ARTICLE.match(text):
        text = _unwrap(text[article.end() :])
    text = text.replace("'", "")
    if ", " in text or ": " in text or "; " in text:
        text = _PAUSE.sub("", text)
    if "-" in text:
        text = _HYPHEN.sub(" ", text)
    if ".0" in text:
        text = _NOUGHTS.sub(r"\1", text)
    if number := _NUMBER.fullmatch(text):
        sign, whole_part, fraction, percent = number.groups()
        text = sign + (whole_part.replace(",", "") or "0" * bool(fraction)) + fraction + percent
    return text or whole


@lru_cache(maxsize=1024)
def is_abstention(answer: str) -> bool:
    """Whether this says no more than that its author does not know: an empty answer, `NOT_SAID`,
    or one of the plain forms in which language models put it."""
    text = normalise(answer)
    return not text or _ABSTENTION.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def candidate_id(answer: str) -> CandidateId:
    """Names an answer: equal answers have equal ids, of 21 characters. All abstentions are
    `ABSTAINED`, which is never a candidate."""
    if is_abstention(answer):
        return ABSTAINED
    return CandidateId(
        "c" + blake2b(normalise(answer).encode("utf-8", "replace"), digest_size=10).hexdigest()
    )


def _plain(text: str) -> str:
    """NFKC, but with the raised digits and vulgar fractions that it would flatten into other
    numbers written out."""
    pieces: list[str] = []
    raised = False
    for character in text:
        kind, _, _ = unicodedata.decomposition(character).partition(" ")
        if kind == "<super>":
            pieces.append(character if raised else "^" + character)
        elif kind == "<fraction>":
            pieces.append(f" {character}")
        else:
            pieces.append(character)
        raised = kind == "<super>"
    return unicodedata.normalize("NFKC", "".join(pieces)).translate(_TYPOGRAPHY)


def _unwrap(text: str) -> str:
    """Without what stands around the whole answer, and without the punctuation at its end."""
    while text:
        bare = _without_end(text.strip())
        if bare.startswith(_WRAPPERS):
            bare = _without_wrapper(bare)
        elif boxed := _BOXED.fullmatch(bare):
            bare = boxed[1].strip()
        if bare == text:
            break
        text = bare
    return text


def _without_end(text: str) -> str:
    bare = text.rstrip(_ENDS)
    while bare.endswith("!"):
        exclaimed = bare.rstrip("!")
        if _FACTORIAL.fullmatch(bare, max(0, len(exclaimed) - 1)):
            break
        bare = exclaimed.rstrip(_ENDS)
    return bare


def _without_wrapper(text: str) -> str:
    for mark in _WRAPPERS:
        size = len(mark)
        inner = text[size:-size]
        if inner and text.startswith(mark) and text.endswith(mark) and mark not in inner:
            return inner.strip()
    return text
