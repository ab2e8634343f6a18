"""What is wrong with the command line is said in its own words."""

from io import StringIO

import pytest
from django.core.management import call_command

from debates.models import Debate
from debates.services.agents import ensure_default_agents

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--budget", "much"], "--budget"),
        (["--budget", "0"], "--budget"),
        (["--deadline", "0"], "--deadline"),
        (["--rounds", "99"], "--rounds"),
        (["--agents", "nobody,ada"], "--agents"),
        (["--document", "/no/such/file"], "--document"),
        (["--user", "nobody"], "--user"),
    ],
)
def test_an_error_names_the_option(arguments: list[str], option: str) -> None:
    ensure_default_agents()
    said = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("debate", "Why?", *arguments, stderr=said)
    assert exit_.value.code == 2
    assert said.getvalue().startswith(f"{option}: ")
    assert not Debate.objects.exists()
