"""Agents and personas, as an operator edits them."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from debates.choices import ProviderName

AGENT_NAME = RegexValidator(
    r"^[a-z0-9][a-z0-9._-]{0,63}$",
    "Use lower-case letters, digits, dots, hyphens and underscores; start with a letter or digit.",
)
KEY_VARIABLE = RegexValidator(
    # Whoever edits an agent also says where the key is sent: no other secret may go there.
    r"^(?!ARAGORA_)[A-Z][A-Z0-9_]*(KEY|TOKEN)$",
    "Name an environment variable that ends in KEY or TOKEN, and is not one of Aragora's own.",
)


def check_address(url: str) -> None:
    """Refuse what is no address of a server, and a password in it: addresses are shown.

    A plain name is right (`http://ollama:11434/v1`), so this is not Django's URLValidator."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in url):
        raise ValidationError("Use an address that starts with http:// or https://.")
    if "@" in parts.netloc:
        raise ValidationError("Leave the user and the password out of the address.")


class Agent(models.Model):
    """Somebody who can sit on a panel. Editing a row never changes a debate that has begun: a
    debate keeps a snapshot (`debates.services.panels`)."""

    name = models.CharField(max_length=64, unique=True, validators=[AGENT_NAME])
    provider = models.CharField(max_length=32, choices=ProviderName)
    model = models.CharField(max_length=128, blank=True)
    base_url = models.CharField(
        max_length=200,
        blank=True,
        validators=[check_address],
        help_text="Empty for the provider's own address, or the one from the settings.",
    )
    api_key_variable = models.CharField(
        max_length=64,
        blank=True,
        validators=[KEY_VARIABLE],
        help_text="The environment variable that holds the key. The key itself is never stored.",
    )
    family = models.CharField(
        max_length=64, blank=True, help_text="Model family; a good panel has at least two."
    )
    persona = models.TextField(blank=True, max_length=4000)
    temperature = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0), MaxValueValidator(2.0)]
    )
    max_output_tokens = models.PositiveIntegerField(
        default=1024, validators=[MinValueValidator(64), MaxValueValidator(65536)]
    )
    context_tokens = models.PositiveIntegerField(
        default=32768, validators=[MinValueValidator(1024)]
    )
    input_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="US dollars for a million input tokens; empty to look the model's price up.",
    )
    output_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="US dollars for a million output tokens; empty to look the model's price up.",
    )
    fallback = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text="Asked instead when this agent fails before its first word.",
    )
    enabled = models.BooleanField(default=True)
    rated = models.BooleanField(
        default=True, help_text="Takes part in the ranking. Extractive agents never do."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="agent_extractive_is_unrated",
                condition=~models.Q(provider=ProviderName.EXTRACTIVE, rated=True),
                violation_error_message="Extractive agents stand outside the ranking.",
            ),
            models.CheckConstraint(
                name="agent_model_is_named",
                condition=models.Q(provider=ProviderName.EXTRACTIVE) | ~models.Q(model=""),
                violation_error_message="Name the model.",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_language_model(self) -> bool:
        return self.provider != ProviderName.EXTRACTIVE

    @property
    def family_or_model(self) -> str:
        """What counts for the diversity of a panel; an agent without a family is its own."""
        return self.family or self.model or self.provider
