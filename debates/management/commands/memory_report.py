"""Says how full memory is."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Sum
from django.utils import timezone

from aragora_site.tenancy.scopes import Purpose, across_tenants
from memory.limits import tier_limits
from memory.models import Entry, EntryEvent, Scope
from memory.tiers import Tier


class Command(BaseCommand):
    help = "Entries and bytes of every tier, the fullest scopes, and what became of entries."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    @across_tenants(Purpose.OPERATOR)
    def handle(self, **options: Any) -> None:
        report = _report()
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for tier in report["tiers"]:
            self.stdout.write(
                f"{tier['tier']:8} {tier['entries']:7,} entries {tier['bytes']:12,} bytes "
                f"in {tier['scopes']} scopes, the fullest {tier['fullest']:.0%} of "
                f"{tier['max_bytes']:,}"
            )
        self.stdout.write(f"expired and not yet removed: {report['expired']}")
        moves = ", ".join(f"{move} {count}" for move, count in sorted(report["moves"].items()))
        self.stdout.write(f"moves in 30 days: {moves or 'none'}")
        embedders = ", ".join(f"{name} {count}" for name, count in report["embedders"].items())
        self.stdout.write(f"embedders: {embedders or 'none'}")


def _report() -> dict[str, Any]:
    tiers = []
    for tier, limits in tier_limits().items():
        found = Entry.objects.filter(tier=tier).aggregate(count=Count("pk"), bytes=Sum("size"))
        sizes = list(_sizes(tier))
        tiers.append(
            {
                "tier": tier.value,
                "entries": found["count"],
                "bytes": found["bytes"] or 0,
                "scopes": len(sizes),
                "fullest": max(sizes, default=0) / limits.max_bytes,
                "max_bytes": limits.max_bytes,
            }
        )
    counted = Entry.objects.order_by().values_list("embedder").annotate(count=Count("pk"))
    moves = EntryEvent.objects.order_by().values_list("move").annotate(count=Count("pk"))
    expired = Entry.objects.filter(expires_at__lte=timezone.now()).count()
    return {
        "tiers": tiers,
        "expired": expired,
        "moves": dict(moves),
        "embedders": dict(counted),
    }


def _sizes(tier: Tier) -> Any:
    field = f"{tier}_bytes"
    return Scope.objects.filter(**{f"{field}__gt": 0}).values_list(field, flat=True)
