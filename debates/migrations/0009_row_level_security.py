"""Tenants see and change their own rows only, whatever a query forgets (docs/TENANCY.md)."""

from django.db import migrations

from aragora_site.tenancy.policies import Protect
from aragora_site.tenancy.rules import Own, Through, Unowned

DEBATES = Own(unowned=Unowned.OPEN, public=('visibility', 'public'), linkable=True)
OF_A_DEBATE = Through('debate', DEBATES)


class Migration(migrations.Migration):

    dependencies = [
        ('debates', '0008_owned_has_workspace'),
        ('tenancy', '0001_functions'),
    ]

    operations = [
        Protect('Debate', DEBATES),
        Protect('DebateEvent', OF_A_DEBATE),
        Protect('Round', OF_A_DEBATE),
        Protect('Turn', OF_A_DEBATE),
        Protect('Ballot', OF_A_DEBATE),
        Protect('Verdict', OF_A_DEBATE),
        Protect('AudienceVote', OF_A_DEBATE),
        Protect('Suggestion', OF_A_DEBATE),
        Protect('StreamPlace', OF_A_DEBATE),
        Protect('UsageRecord', OF_A_DEBATE),
        Protect('Document', Through('debate', DEBATES, unowned=Unowned.READABLE)),
        Protect('IdempotencyRecord', Own(unowned=Unowned.OPEN)),
    ]
