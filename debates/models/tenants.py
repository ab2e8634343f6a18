"""Whose the rows are (`tenancy.rules`)."""

from debates.choices import Visibility
from tenancy.rules import Own, Through, Unowned

DEBATES = Own(unowned=Unowned.OPEN, public=("visibility", Visibility.PUBLIC.value), linkable=True)
OF_A_DEBATE = Through("debate", DEBATES)
