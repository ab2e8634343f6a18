"""What a debate that somebody is about to ask for may use."""

from dataclasses import replace

from django.contrib.auth.models import User

from debates.engine.estimate import estimate
from debates.engine.types import Estimate
from debates.services.planning import NewDebate, plan_debate


def estimate_debate(*, request: NewDebate, owner: User | None) -> Estimate:
    """The least and the most that the debate may use, without writing anything.

    The budgets are left aside: whoever sets one wants to see what it would have to be. Raises
    `InvalidInput` for whatever else is wrong."""
    plan = plan_debate(request=replace(request, budget_usd=None, budget_tokens=None), owner=owner)
    return estimate(plan.setup)
