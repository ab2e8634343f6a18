"""Staff cancel debates after a confirmation; superusers delete them whole."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from debates.choices import DebateStatus, EventType
from debates.models import Debate, DebateEvent, Match, Turn, UsageRecord
from tests import factories

pytestmark = pytest.mark.django_db

CHANGELIST = "/admin/debates/debate/"


def staff(*permissions: str) -> Client:
    """Somebody of the staff with these permissions on debates."""
    user = factories.make_user("staff", staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="debates",
            codename__in=[f"{permission}_debate" for permission in permissions],
        )
    )
    client = Client()
    client.force_login(user)
    return client


def superuser() -> Client:
    client = Client()
    client.force_login(factories.make_user("root", superuser=True))
    return client


def cancel(client: Client, *debates: Debate, **fields: str) -> str:
    answer = client.post(
        CHANGELIST,
        {
            "action": "cancel_debates",
            ACTION_CHECKBOX_NAME: [str(debate.pk) for debate in debates],
            **fields,
        },
        follow=True,
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_cancelling_asks_first() -> None:
    debate = factories.make_debate(status=DebateStatus.RUNNING)
    page = cancel(staff("view", "change"), debate)
    assert "Yes, cancel them" in page
    assert debate.slug in page
    debate.refresh_from_db()
    assert debate.status == DebateStatus.RUNNING


def test_confirmed_it_goes_through_the_service() -> None:
    running = factories.make_debate(status=DebateStatus.RUNNING, fence=3)
    over = factories.make_debate(status=DebateStatus.COMPLETED)
    page = cancel(staff("view", "change"), running, over, confirmed="yes")
    assert "Cancelled: 1." in page
    assert f"{over.slug}: The debate is completed" in page
    running.refresh_from_db()
    assert (running.status, running.fence) == (DebateStatus.CANCELLED, 4)
    types = DebateEvent.objects.filter(debate=running).values_list("type", flat=True)
    assert list(types) == [EventType.DEBATE_CANCELLED, EventType.DEBATE_END]


def test_who_may_only_look_may_not_cancel() -> None:
    debate = factories.make_debate(status=DebateStatus.RUNNING)
    cancel(staff("view"), debate, confirmed="yes")
    debate.refresh_from_db()
    assert debate.status == DebateStatus.RUNNING


def test_only_the_title_can_be_changed() -> None:
    debate = factories.make_debate("Why?")
    address = reverse("admin:debates_debate_change", args=[debate.pk])
    answer = staff("view", "change").post(
        address, {"title": "Better", "question": "Other?", "status": "completed", "fence": "99"}
    )
    assert answer.status_code == 302
    debate.refresh_from_db()
    assert (debate.title, debate.question, debate.status, debate.fence) == (
        "Better",
        "Why?",
        DebateStatus.PENDING,
        0,
    )


def test_a_superuser_deletes_a_debate_with_its_rows_after_a_confirmation() -> None:
    debate = factories.make_debate(status=DebateStatus.COMPLETED)
    factories.make_event(debate)
    factories.make_turn(debate)
    factories.make_usage_record(debate)
    factories.make_match(debate)
    client = superuser()
    address = reverse("admin:debates_debate_delete", args=[debate.pk])
    assert "Are you sure" in client.get(address).content.decode()
    assert Debate.objects.exists()
    client.post(address, {"post": "yes"})
    assert not Debate.objects.exists()
    assert not DebateEvent.objects.exists()
    assert not Turn.objects.exists()
    assert Match.objects.get().debate is None
    assert UsageRecord.objects.get().debate is None


def test_nobody_else_deletes_one() -> None:
    debate = factories.make_debate(status=DebateStatus.COMPLETED)
    address = reverse("admin:debates_debate_delete", args=[debate.pk])
    client = staff("view", "change", "delete")
    assert client.get(address).status_code == 403
    assert client.post(address, {"post": "yes"}).status_code == 403
    assert Debate.objects.exists()


def test_the_page_leads_to_the_debates_rows() -> None:
    debate = factories.make_debate()
    factories.make_event(debate)
    factories.make_event(factories.make_debate())
    client = superuser()
    page = client.get(reverse("admin:debates_debate_change", args=[debate.pk])).content.decode()
    address = f"{reverse('admin:debates_debateevent_changelist')}?debate__id__exact={debate.pk}"
    assert address in page
    rows = client.get(address).context["cl"].result_list
    assert [row.debate_id for row in rows] == [debate.pk]
