"""The operator's view of memory. Entries can be looked at and forgotten, not written."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from memory.models import Entry, EntryEvent, Scope
from memory.services.entries import remove

if TYPE_CHECKING:  # Django's own class takes no parameter.
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin


class ReadOnlyAdmin(AnyAdmin):
    """Rows that the program alone writes."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """What is remembered. To delete an entry is to forget it."""

    list_display = ("id", "kind", "tier", "size", "importance", "total_uses", "pinned", "scope")
    list_filter = ("tier", "kind", "pinned", "is_public")
    list_select_related = ("scope",)
    search_fields = ("content", "debate_slug")
    exclude = ("vector",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).defer("vector")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def delete_model(self, request: HttpRequest, obj: Entry) -> None:
        remove(entry_ids=[obj.pk], now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        remove(entry_ids=list(queryset.values_list("pk", flat=True)), now=timezone.now())


@admin.register(Scope)
class ScopeAdmin(ReadOnlyAdmin):
    """Whose memory there is, and how full it is."""

    list_display = ("key", "kind", "fast_bytes", "medium_bytes", "slow_bytes", "glacial_bytes")
    list_filter = ("kind",)
    search_fields = ("key",)


@admin.register(EntryEvent)
class EntryEventAdmin(ReadOnlyAdmin):
    """What became of entries, and why."""

    list_display = ("id", "entry_id", "move", "from_tier", "tier", "reason", "size", "created_at")
    list_filter = ("move", "tier")
    search_fields = ("entry_id",)
