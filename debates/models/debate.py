"""A debate: what was asked, of whom, under which rules, and how far it has come."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import TenantManager
from debates.choices import TERMINAL_STATUSES, DebateStatus, Origin, Visibility, choices_of
from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName, StopReason
from debates.models.tenants import DEBATES

MAX_QUESTION_LENGTH = 10_000
MIN_ROUNDS, MAX_ROUNDS = 1, 12
AT_REST = TERMINAL_STATUSES | {DebateStatus.CREATED}
"""The states in which nothing happens to a debate by itself."""


class Debate(models.Model):
    """The row that a worker locks, and whose `fence` says which worker owns it.

    `fence` grows by one whenever a worker takes the debate up or somebody cancels it; a worker
    writes only while the fence is the one it was given. `last_seq` is the number of the newest
    event; it is allotted under this row's lock.
    """

    tenancy = DEBATES

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=96, unique=True)
    question = models.TextField(max_length=MAX_QUESTION_LENGTH)
    context = models.TextField(blank=True)
    title = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list, blank=True)
    domain = models.CharField(max_length=64, default="general")
    metadata = models.JSONField(default=dict, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="debates",
        db_index=False,  # `debate_by_owner` serves as well.
    )
    workspace = models.ForeignKey(
        "ratelimit.Workspace",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="debates",
    )
    """The tenant. Empty for a debate of somebody who was not signed in."""
    visibility = models.CharField(max_length=16, choices=Visibility, default=Visibility.PRIVATE)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        db_index=False,  # There is one of those that have a parent.
        on_delete=models.SET_NULL,
        related_name="children",
    )
    """The debate that it was made from, as long as that is there. Not everybody who may read the
    one may read the other."""
    origin = models.CharField(
        max_length=16, blank=True, choices=Origin, default="", db_default="", editable=False
    )
    branch_point = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    """Of a fork: the last round that is the parent's; 0 for its blind answers alone."""
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Put away: it is left out of lists, and stays readable by its address."""

    batch = models.UUIDField(null=True, blank=True, editable=False)
    """Shared by the debates that one request started together; empty for one that came alone."""
    batch_index = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    """Its place, from 0, in that request."""

    panel = models.JSONField()
    """`AgentSpec` of every panelist, in the order of their names; never changed."""
    judge = models.JSONField(null=True, blank=True)
    """`AgentSpec` of the judge, from outside the panel."""
    protocol = models.CharField(max_length=32, choices=choices_of(ProtocolName))
    decision = models.CharField(max_length=32, choices=choices_of(DecisionMode))
    rounds = models.PositiveSmallIntegerField(default=DEFAULT_ROUNDS)
    seed = models.BigIntegerField()
    budget_usd = models.DecimalField(max_digits=10, decimal_places=4, null=True, blank=True)
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    deadline_seconds = models.PositiveIntegerField(null=True, blank=True)

    status = models.CharField(max_length=16, choices=DebateStatus, default=DebateStatus.CREATED)
    stop_reason = models.CharField(max_length=16, blank=True, choices=choices_of(StopReason))
    failure = models.TextField(blank=True)
    """Why it failed, in one sentence for people."""
    use_memory = models.BooleanField(default=True)
    """Whether the first round is shown what is remembered of earlier debates."""
    stop_requested = models.BooleanField(default=False)
    """Somebody asked for the verdict with what there is."""
    round = models.PositiveSmallIntegerField(default=0)
    phase = models.CharField(max_length=16, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    """How often a worker has died in it without a new turn since."""
    lease_holder = models.CharField(max_length=128, blank=True)
    """`host:pid` of the process that runs it; empty when nobody does."""
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    trace_parent = models.CharField(
        max_length=55, blank=True, default="", db_default="", editable=False
    )
    """The `traceparent` of the request that sent it into the queue, where that was traced."""
    epoch = models.UUIDField(default=uuid.uuid4, editable=False)
    """Names this numbering of the event log, for clients that resume."""
    last_seq = models.PositiveBigIntegerField(default=0)

    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    active_seconds = models.FloatField(default=0.0)
    """Time spent running, without queueing and pauses; the deadline counts this."""

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="debate_rounds_in_range",
                condition=models.Q(rounds__range=(MIN_ROUNDS, MAX_ROUNDS)),
            ),
            models.CheckConstraint(
                name="debate_question_not_empty", condition=~models.Q(question="")
            ),
            models.CheckConstraint(
                name="debate_budget_positive",
                condition=models.Q(budget_usd__isnull=True) | models.Q(budget_usd__gt=0),
            ),
            models.CheckConstraint(
                name="debate_token_budget_positive",
                condition=models.Q(budget_tokens__isnull=True) | models.Q(budget_tokens__gt=0),
            ),
            # Nobody could ever read it.
            models.CheckConstraint(
                name="debate_private_has_owner",
                condition=models.Q(visibility=Visibility.PUBLIC) | models.Q(owner__isnull=False),
            ),
            # Otherwise it would be anybody's: what has no workspace belongs to nobody.
            models.CheckConstraint(
                name="debate_owned_has_workspace",
                condition=models.Q(owner__isnull=True) | models.Q(workspace__isnull=False),
            ),
            models.CheckConstraint(
                name="debate_of_workspace_has_one",
                condition=~models.Q(visibility=Visibility.WORKSPACE)
                | models.Q(workspace__isnull=False),
            ),
            models.CheckConstraint(
                name="debate_ended_when_terminal",
                condition=(
                    models.Q(status__in=sorted(TERMINAL_STATUSES), completed_at__isnull=False)
                    | (
                        ~models.Q(status__in=sorted(TERMINAL_STATUSES))
                        & models.Q(completed_at__isnull=True)
                    )
                ),
            ),
            models.CheckConstraint(
                name="debate_forks_have_a_branch_point",
                condition=(
                    models.Q(origin=Origin.FORK, branch_point__isnull=False)
                    | (~models.Q(origin=Origin.FORK) & models.Q(branch_point__isnull=True))
                ),
            ),
            # What goes on is never out of sight.
            models.CheckConstraint(
                name="debate_archived_at_rest",
                condition=(
                    models.Q(archived_at__isnull=True) | models.Q(status__in=sorted(AT_REST))
                ),
            ),
            # Also finds the batches of a workspace, and the debates of one of them.
            models.UniqueConstraint(
                name="debate_place_in_batch",
                fields=("workspace", "batch", "batch_index"),
                condition=models.Q(batch__isnull=False),
            ),
        )
        indexes = (
            # The list of debates, newest first, and its deep pages.
            models.Index(fields=("-created_at", "-id"), name="debate_newest"),
            # The dispatcher's queue: what waits, oldest first.
            models.Index(fields=("status", "queued_at"), name="debate_queue"),
            # What was put away: little of all there is.
            models.Index(
                fields=("archived_at",),
                name="debate_archived",
                condition=models.Q(archived_at__isnull=False),
            ),
            # What was made from a debate, for its page, and where it is deleted.
            models.Index(
                fields=("parent",),
                name="debate_by_parent",
                condition=models.Q(parent__isnull=False),
            ),
            # "My debates", newest first.
            models.Index(fields=("owner", "-created_at"), name="debate_by_owner"),
        )

    def __str__(self) -> str:
        return self.slug

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL_STATUSES
