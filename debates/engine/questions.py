"""What kind of answer a question wants, told from its words.

A heuristic for English, tried in this order:

1. open-ended: it asks for a text, a plan, an opinion or a comparison ("write", "should we",
   "pros and cons", "how can", "why");
2. reasoning: it is to be worked out ("calculate", "prove", "how many", "if … then", an equation,
   a formula, code);
3. knowledge: it asks for a fact ("who", "when", "which", "is it true");
4. anything else, other languages among it, is open-ended: the rule for that asks least of the
   form of the answers.

A wrong guess costs little: every rule decides any question, and who asks may name one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from debates.engine.types import DecisionMode, Panelist, QuestionKind

_OPEN_ENDED = re.compile(
    r"""^\W*(?:please\s+)?(?:write|draft|design|propose|suggest|recommend|plan|outline|brainstorm
            |discuss|argue|debate|critique|review|assess|compare|imagine|describe|explain
            |summari[sz]e|advise|help|create|improve|invent)\b
    |\bshould(?:n't)?\s+(?:i|we|you|they|he|she|it|one|there|our|my|the|an?)\b
    |\b(?:pros\s+and\s+cons|trade-?offs?|advantages|disadvantages|best\s+(?:way|approach|practices?
        |strategy)|worth\s+it|in\s+your\s+(?:opinion|view)|what\s+do\s+you\s+think)\b
    |^\W*(?:how\s+(?:can|could|might|would|should|do|to|best)|why|what\s+(?:if|would|could))\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_REASONING = re.compile(
    r"""\b(?:calculate|compute|solve|prove|derive|deduce|integrate|differentiate|simplify|evaluate
        |how\s+(?:many|much|long|far|fast|old)|what\s+is\s+the\s+(?:probability|sum|product
        |remainder|value|area|volume|derivative|integral|limit|result|output|next)
        |probability\s+that|square\s+root|prime|divisible|equation|output\s+of|does\s+this\s+code)\b
    |\bif\b.{3,300}\b(?:then|how|what|which|who|is|are|does|can|must)\b
    |\d\s*[-+*/^×÷=<>%]\s*\(?-?\d|[a-z]\s*=\s*-?\d|\\(?:frac|int|sum|sqrt)|```
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_KNOWLEDGE = re.compile(
    r"""\b(?:who|whom|whose|when|where|which|what|name\s+the|true\s+or\s+false)\b
    |^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=256)
def classify(question: str) -> QuestionKind:
    """The kind of `question`."""
    if _OPEN_ENDED.search(question):
        return QuestionKind.OPEN_ENDED
    if _REASONING.search(question):
        return QuestionKind.REASONING
    if _KNOWLEDGE.search(question):
        return QuestionKind.KNOWLEDGE
    return QuestionKind.OPEN_ENDED


def rule_for(decision: DecisionMode, question: str, judge: Panelist | None) -> DecisionMode:
    """The rule that `decision` stands for: `auto` becomes one, any other is itself.

    Reasoning goes to a plain vote and knowledge to two thirds, because voting gains most on the
    first and consensus on the second (Kaesberg 2025, arXiv 2502.19130). Open-ended answers hardly
    ever equal each other: a judge selects, if there is one that is a language model, else rankings
    are counted."""
    if decision is not DecisionMode.AUTO:
        return decision
    kind = classify(question)
    if kind is QuestionKind.REASONING:
        return DecisionMode.PLURALITY
    if kind is QuestionKind.KNOWLEDGE:
        return DecisionMode.SUPERMAJORITY
    if judge is not None and judge.is_language_model:
        return DecisionMode.JUDGE
    return DecisionMode.BORDA
