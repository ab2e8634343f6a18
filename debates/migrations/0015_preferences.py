from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("debates", "0014_trace_parent"),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preferences",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("agents", models.JSONField(blank=True, default=list)),
                ("protocol", models.CharField(default="adaptive", max_length=32)),
                ("decision", models.CharField(default="auto", max_length=32)),
                ("rounds", models.PositiveSmallIntegerField(default=3)),
                (
                    "budget_usd",
                    models.DecimalField(blank=True, decimal_places=4, max_digits=10, null=True),
                ),
                ("use_memory", models.BooleanField(default=True)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "preferences",
                "ordering": ("user_id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rounds__range", (1, 12))),
                        name="preferences_rounds_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("budget_usd__isnull", True),
                            ("budget_usd__gt", Decimal("0")),
                            _connector="OR",
                        ),
                        name="preferences_budget_above_nothing",
                    ),
                ],
            },
        ),
    ]
