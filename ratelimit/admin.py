"""The operator's view of workspaces and keys."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from ratelimit.callers import tiers
from ratelimit.keys import MAX_NAME_LENGTH, create_key, revoke
from ratelimit.models import ApiKey, KeyKind, Membership, Workspace
from ratelimit.workspaces import note_rights_changed

if TYPE_CHECKING:  # Django's own classes take no parameter.
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
    ApiKeyForm = forms.ModelForm[ApiKey]
else:
    AnyAdmin, AnyInline, ApiKeyForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm


class MembershipInline(AnyInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)


@admin.register(Workspace)
class WorkspaceAdmin(AnyAdmin):
    list_display = ("name", "slug", "tier", "personal_to", "created_at")
    list_filter = ("tier",)
    list_select_related = ("personal_to",)
    search_fields = ("name", "slug", "personal_to__username")
    readonly_fields = ("personal_to", "created_at")
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "slug", "personal_to", "created_at"),
            },
        ),
        (
            "Tier",
            {
                "fields": ("tier",),
                "description": (
                    "How much may be asked by keys of this workspace. The tier of somebody's "
                    "personal workspace is theirs when they are signed in on the site."
                ),
            },
        ),
    )
    inlines = (MembershipInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        note_rights_changed([form.instance.pk])
        tiers.forget()


@admin.register(Membership)
class MembershipAdmin(AnyAdmin):
    list_display = ("workspace", "user", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("workspace", "user")
    search_fields = ("workspace__name", "workspace__slug", "user__username")
    autocomplete_fields = ("workspace", "user")
    readonly_fields = ("created_at",)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        note_rights_changed([obj.workspace_id])

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        super().delete_model(request, obj)
        note_rights_changed([obj.workspace_id])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        changed = list(queryset.values_list("workspace", flat=True))
        super().delete_queryset(request, queryset)
        note_rights_changed(changed)


class NewKeyForm(ApiKeyForm):
    """A key that an operator makes for a service, or for somebody."""

    name = forms.CharField(max_length=MAX_NAME_LENGTH)
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in KeyKind if kind != KeyKind.SIGN_IN],
        initial=KeyKind.INTERNAL,
        help_text="Internal keys are not limited.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "user", "workspace", "kind", "scope", "expires_at")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        user, workspace = cleaned.get("user"), cleaned.get("workspace")
        if workspace is None and cleaned.get("kind") == KeyKind.KEY:
            self.add_error("workspace", "Choose the workspace that the key reaches.")
        elif workspace and user and not workspace.memberships.filter(user=user).exists():
            self.add_error("workspace", "The user does not belong to this workspace.")
        expires_at = cleaned.get("expires_at")
        if expires_at is not None and expires_at <= timezone.now():
            self.add_error("expires_at", "Use a moment in the future.")
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(AnyAdmin):
    """Keys are made and revoked; nothing of them is changed."""

    form = NewKeyForm
    list_display = ("name", "prefix", "user", "workspace", "kind", "scope", "state", "last_used_at")
    list_filter = ("kind", "scope")
    list_select_related = ("user", "workspace")
    search_fields = ("name", "prefix", "user__username", "workspace__slug")
    autocomplete_fields = ("user", "workspace")
    actions = ("revoke_keys",)
    shown: ClassVar[tuple[str, ...]] = (
        *("name", "prefix", "user", "workspace", "kind", "scope", "state"),
        *("created_at", "expires_at", "revoked_at", "last_used_at"),
    )

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "revoked"
        expired = key.expires_at is not None and key.expires_at <= timezone.now()
        return "expired" if expired else "good"

    @admin.action(description="Revoke the selected keys, at once and everywhere")
    def revoke_keys(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        ended = revoke(keys, now=timezone.now())
        self.message_user(request, f"{ended} revoked.", messages.SUCCESS)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return NewKeyForm.Meta.fields if obj is None else self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return () if obj is None else self.shown

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, token = create_key(
            user=obj.user,
            workspace=obj.workspace,
            name=obj.name,
            kind=obj.kind,
            scope=obj.scope,
            expires_at=obj.expires_at,
            now=timezone.now(),
        )
        obj.pk, obj.prefix = made.pk, made.prefix
        obj._state.adding = False
        obj.token = token  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page that shows the key, not a message: messages travel in cookies."""
        return TemplateResponse(
            request,
            "admin/ratelimit/apikey/made.html",
            {
                **self.admin_site.each_context(request),
                "title": "The key was made",
                "opts": self.opts,
                "key": obj,
                "token": obj.token,  # type: ignore[attr-defined]
            },
            status=HTTPStatus.CREATED,
        )
