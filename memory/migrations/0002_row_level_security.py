"""Memory is its tenants' alone, whatever a query forgets (docs/TENANCY.md)."""

from django.db import migrations

from aragora_site.tenancy.policies import Protect
from aragora_site.tenancy.rules import Own, Unowned

OF_A_TENANT = Own(unowned=Unowned.OPEN)


class Migration(migrations.Migration):

    dependencies = [
        ('memory', '0001_entries'),
        ('tenancy', '0001_functions'),
    ]

    operations = [
        Protect('Scope', OF_A_TENANT),
        Protect('Entry', OF_A_TENANT),
        Protect('EntryEvent', OF_A_TENANT),
    ]
