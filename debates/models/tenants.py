"""Whose the rows are (`aragora_site.tenancy.rules`)."""

from aragora_site.tenancy.rules import Own, Through, Unowned
from debates.choices import Visibility

DEBATES = Own(unowned=Unowned.OPEN, public=("visibility", Visibility.PUBLIC.value), linkable=True)
OF_A_DEBATE = Through("debate", DEBATES)
