"""The operator's view of the rows. What the log is the truth of can be looked at, not changed."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.options import ShowFacets
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from aragora_site.errors import AragoraError
from debates.models import (
    Agent,
    AudienceVote,
    Ballot,
    Chore,
    Debate,
    DebateEvent,
    Document,
    IdempotencyRecord,
    Match,
    MatchResult,
    Outcome,
    Preferences,
    QuestionVector,
    Rating,
    Round,
    ShareLink,
    StreamPlace,
    Suggestion,
    Turn,
    UsageRecord,
    Verdict,
)
from debates.services.panels import has_key
from debates.services.preferences import reset_preferences
from memory.services.entries import forget_debate

admin.site.site_header = "Aragora"
admin.site.site_title = "Aragora"
admin.site.index_title = "Operations"

if TYPE_CHECKING:  # Django's own class takes no parameter.
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin

_LONG_DEBATE_FIELDS = ("question", "context", "panel", "judge", "metadata", "tags", "failure")


class ReadOnlyAdmin(AnyAdmin):
    """Rows that are written once, by the program."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    can_be_deleted = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.can_be_deleted and super().has_delete_permission(request, obj)


class OfADebateAdmin(ReadOnlyAdmin):
    """Rows of a debate, which is named by its slug; its long texts stay in the database."""

    search_fields: ClassVar[tuple[str, ...]] = ("debate__slug",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("debate")
        return rows.defer(*(f"debate__{name}" for name in _LONG_DEBATE_FIELDS))


@admin.register(Agent)
class AgentAdmin(AnyAdmin):
    list_display = ("name", "provider", "model", "family", "enabled", "key", "rated")
    list_filter = ("provider", "enabled", "rated")
    search_fields = ("name", "model", "family")
    list_select_related = False
    readonly_fields = ("key", "created_at", "updated_at")
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "enabled", "provider", "model", "base_url"),
                "description": (
                    "Editing an agent never changes a debate that exists: each keeps its panel "
                    "as it was when it was created. The name stands in debates and in the "
                    "ranking, so it cannot be changed; make another agent instead."
                ),
            },
        ),
        (
            "Key",
            {
                "fields": ("api_key_variable", "key"),
                "description": (
                    "Keys live in the environment, for instance in .env, and are never stored or "
                    "shown here. An agent whose variable is not set cannot be put on a panel."
                ),
            },
        ),
        (
            "Character",
            {
                "fields": ("family", "persona", "temperature", "max_output_tokens"),
                "description": (
                    "A panel gains most from agents that really differ: agents of one family "
                    "share its blind spots, whatever their personas."
                ),
            },
        ),
        (
            "Limits and price",
            {
                "fields": ("context_tokens", "input_price", "output_price"),
                "description": (
                    "Documents have to fit into the smallest context of a panel. A budget in "
                    "dollars can be set only where prices are known."
                ),
            },
        ),
        ("When it fails", {"fields": ("fallback",)}),
        ("Ranking", {"fields": ("rated", "created_at", "updated_at")}),
    )

    @admin.display(description="Key")
    def key(self, agent: Agent) -> str:
        if not agent.api_key_variable:
            return "not needed"
        return "set" if has_key(agent) else f"{agent.api_key_variable} is not set"

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        return (*self.readonly_fields, "name") if obj else self.readonly_fields


@admin.register(Debate)
class DebateAdmin(AnyAdmin):
    list_display = (
        "slug",
        "status",
        "owner",
        "protocol",
        "decision",
        "round",
        "cost_usd",
        "created_at",
    )
    list_filter = ("status", "protocol", "decision", "visibility", "origin", "created_at")
    list_select_related = ("owner",)
    search_fields = ("slug", "question", "title", "owner__username")
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    actions = ("cancel_debates",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Debate | None = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Debate]:
        return super().get_queryset(request).defer("context")

    def get_readonly_fields(self, request: HttpRequest, obj: Debate | None = None) -> Any:
        """Everything but the title: the rest is what the debate was held under, or its state."""
        names = [field.name for field in self.opts.fields if field.name != "title"]
        return ("rows", *names)

    def get_fieldsets(self, request: HttpRequest, obj: Debate | None = None) -> Any:
        return (
            (None, {"fields": ("title", "slug", "question", "context", "rows")}),
            ("State", {"fields": ("status", "round", "phase", "stop_reason", "failure")}),
            (
                "Rules",
                {"fields": ("protocol", "decision", "rounds", "seed", "panel", "judge")},
            ),
            ("Limits", {"fields": ("budget_usd", "budget_tokens", "deadline_seconds")}),
            (
                "Spent",
                {"fields": ("input_tokens", "output_tokens", "cost_usd", "active_seconds")},
            ),
            (
                "About",
                {"fields": ("owner", "workspace", "visibility", "domain", "tags", "metadata")},
            ),
            ("Made from", {"fields": ("parent", "origin", "branch_point")}),
            (
                "Times",
                {
                    "fields": (
                        "created_at",
                        "queued_at",
                        "started_at",
                        "completed_at",
                        "archived_at",
                    )
                },
            ),
            (
                "Worker",
                {
                    "fields": (
                        "lease_holder",
                        "lease_expires_at",
                        "fence",
                        "attempts",
                        "stop_requested",
                        "use_memory",
                        "epoch",
                        "last_seq",
                    )
                },
            ),
        )

    @admin.display(description="Its rows")
    def rows(self, debate: Debate) -> SafeString:
        models: tuple[type[Model], ...] = (
            DebateEvent, Round, Turn, Ballot, Verdict, Document, UsageRecord, Match,
            AudienceVote, Suggestion,
        )  # fmt: skip
        return format_html_join(
            " · ",
            '<a href="{}?debate__id__exact={}">{}</a>',
            (
                (
                    reverse(f"admin:debates_{model._meta.model_name}_changelist"),
                    debate.pk,
                    model._meta.verbose_name_plural,
                )
                for model in models
            ),
        )

    def delete_model(self, request: HttpRequest, obj: Debate) -> None:
        forget_debate(debate_id=obj.pk, now=timezone.now())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Debate]) -> None:
        for debate_id in queryset.values_list("pk", flat=True):
            forget_debate(debate_id=debate_id, now=timezone.now())
        super().delete_queryset(request, queryset)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Whoever may delete a debate deletes its rows with it, which may not be deleted alone."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    @admin.action(description="Cancel selected debates", permissions=["change"])
    def cancel_debates(
        self, request: HttpRequest, queryset: QuerySet[Debate]
    ) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return TemplateResponse(
                request,
                "admin/debates/debate/cancel_confirmation.html",
                {
                    **self.admin_site.each_context(request),
                    "title": "Cancel debates",
                    "debates": queryset,
                    "opts": self.opts,
                    "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
                    "media": self.media,
                },
            )
        cancelled = 0
        for debate in queryset:
            cancelled += self._cancel(request, debate)
        self.message_user(request, f"Cancelled: {cancelled}.", messages.SUCCESS)
        return None

    def _cancel(self, request: HttpRequest, debate: Debate) -> bool:
        from debates.services.control import cancel_debate

        try:
            cancel_debate(debate_id=debate.pk, actor=request.user)
        except AragoraError as error:
            self.message_user(request, f"Not cancelled, {debate.slug}: {error}", messages.WARNING)
            return False
        return True


@admin.register(Document)
class DocumentAdmin(AnyAdmin):
    """The corpus can be edited; what was given with a debate cannot."""

    list_display = ("title", "number", "debate", "source", "created_at")
    list_filter = (("debate", admin.EmptyFieldListFilter),)
    search_fields = ("title", "source", "debate__slug")
    readonly_fields = ("created_at",)
    fields = ("number", "title", "text", "source", "created_at")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        rows = super().get_queryset(request).select_related("debate").order_by("-pk")
        return rows.defer(*(f"debate__{name}" for name in _LONG_DEBATE_FIELDS))

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return _is_corpus(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return _is_corpus(obj) and super().has_delete_permission(request, obj)


def _is_corpus(document: Document | None) -> bool:
    return document is None or document.debate_id is None


@admin.register(DebateEvent)
class DebateEventAdmin(OfADebateAdmin):
    list_display = ("debate", "seq", "type", "round", "agent", "created_at")
    list_filter = ("type",)
    search_fields = ("debate__slug", "agent")
    ordering = ("-id",)


@admin.register(Round)
class RoundAdmin(OfADebateAdmin):
    list_display = ("debate", "number", "started_at", "ended_at", "agreement", "stability")
    ordering = ("-id",)


@admin.register(Turn)
class TurnAdmin(OfADebateAdmin):
    list_display = (
        "debate", "index", "round", "phase", "agent", "failure_code", "output_tokens", "cost_usd",
        "duration_seconds",
    )  # fmt: skip
    list_filter = ("phase", "failure_code", "inherited")
    search_fields = ("debate__slug", "agent", "model")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Turn]:
        return super().get_queryset(request).defer("text", "reply")


@admin.register(Ballot)
class BallotAdmin(OfADebateAdmin):
    list_display = ("debate", "voter", "confidence")
    search_fields = ("debate__slug", "voter")
    ordering = ("-id",)


@admin.register(Verdict)
class VerdictAdmin(OfADebateAdmin):
    list_display = (
        "debate",
        "reached",
        "method",
        "confidence",
        "agreement",
        "hollow",
        "created_at",
    )
    list_filter = ("reached", "method", "hollow")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        return super().get_queryset(request).defer("detail")


@admin.register(AudienceVote)
class AudienceVoteAdmin(OfADebateAdmin):
    list_display = ("debate", "candidate", "intensity", "updated_at")
    list_filter = ("intensity", "updated_at")
    ordering = ("-id",)


@admin.register(Suggestion)
class SuggestionAdmin(OfADebateAdmin):
    list_display = ("debate", "number", "kind", "text", "offered_in_round", "created_at")
    list_filter = ("kind",)
    search_fields = ("debate__slug", "text")
    ordering = ("-id",)


@admin.register(UsageRecord)
class UsageRecordAdmin(OfADebateAdmin):
    list_display = (
        "debate", "agent", "provider", "model", "call", "input_tokens", "output_tokens",
        "cost_usd", "estimated", "created_at",
    )  # fmt: skip
    list_filter = ("provider", "estimated", "created_at")
    search_fields = ("debate__slug", "agent", "model")


@admin.register(Match)
class MatchAdmin(OfADebateAdmin):
    list_display = ("id", "debate", "domain", "created_at")
    list_filter = ("domain",)
    ordering = ("-id",)


@admin.register(MatchResult)
class MatchResultAdmin(ReadOnlyAdmin):
    list_display = ("match_id", "agent", "won", "elo_before", "elo_after")
    list_filter = ("won",)
    search_fields = ("agent",)
    list_select_related = ("match",)
    ordering = ("-match_id", "agent")


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("agent", "in_domain", "elo", "games", "wins", "losses", "draws", "bt")
    list_filter = ("domain",)
    search_fields = ("agent",)

    @admin.display(description="Domain", ordering="domain")
    def in_domain(self, rating: Rating) -> str:
        return rating.domain or "all domains"


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """Without the answers, which are their callers' alone."""

    list_display = ("operation", "principal", "status", "expires_at")
    list_filter = ("status",)
    search_fields = ("operation", "principal")
    fields = ("operation", "principal", "status", "request_hash", "expires_at")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotencyRecord]:
        return super().get_queryset(request).defer("body")


@admin.register(ShareLink)
class ShareLinkAdmin(OfADebateAdmin):
    """That a debate is shared; the link itself is shown to nobody but those who may share it."""

    list_display = ("debate", "created_by", "created_at")
    fields = ("debate", "created_by", "created_at")
    search_fields = ("debate__slug", "created_by__username")
    ordering = ("-created_at",)
    can_be_deleted = True
    """Which revokes the link."""


@admin.register(StreamPlace)
class StreamPlaceAdmin(OfADebateAdmin):
    """Sockets that may be resumed: rows come and go within minutes."""

    list_display = ("debate", "person", "seq", "left", "seen_at")
    list_filter = ("left",)
    ordering = ("-seen_at",)


@admin.register(Chore)
class ChoreAdmin(ReadOnlyAdmin):
    """When regular work is next done."""

    list_display = ("name", "due_at")
    ordering = ("due_at",)


@admin.register(Outcome)
class OutcomeAdmin(OfADebateAdmin):
    """What people recorded as true; recorded on the debate's page."""

    list_display = ("debate", "came_true", "confidence", "surprise", "recorded_by", "recorded_at")
    list_filter = ("came_true",)


@admin.register(QuestionVector)
class QuestionVectorAdmin(OfADebateAdmin):
    """Which debates are found as similar."""

    list_display = ("debate", "embedder")
    list_filter = ("embedder",)


@admin.register(Preferences)
class PreferencesAdmin(ReadOnlyAdmin):
    """What people's new debates begin with; chosen by themselves."""

    list_display = ("user", "protocol", "decision", "rounds", "budget_usd", "updated_at")
    list_filter = ("protocol", "decision")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    ordering = ("-updated_at",)
    can_be_deleted = True
    """Which resets them."""

    def delete_model(self, request: HttpRequest, obj: Preferences) -> None:
        reset_preferences(user=obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Preferences]) -> None:
        for row in queryset.select_related("user"):
            reset_preferences(user=row.user)
