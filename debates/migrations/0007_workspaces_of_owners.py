"""Debates from before there were workspaces go to their owners' own."""

from django.db import migrations


def give_workspaces(apps, schema_editor):
    Debate = apps.get_model('debates', 'Debate')
    Workspace = apps.get_model('ratelimit', 'Workspace')
    Membership = apps.get_model('ratelimit', 'Membership')
    without = Debate.objects.filter(owner__isnull=False, workspace__isnull=True).order_by()
    owners = without.values_list('owner_id', 'owner__username').distinct()
    for owner_id, username in list(owners):
        workspace, made = Workspace.objects.get_or_create(
            personal_to_id=owner_id,
            defaults={'name': username[:100], 'slug': f'personal-{owner_id}'},
        )
        if made:
            Membership.objects.create(workspace=workspace, user_id=owner_id, role='owner')
        without.filter(owner_id=owner_id).update(workspace=workspace)
    # Kept answers that name no workspace would be everybody's; they are good for a day only.
    apps.get_model('debates', 'IdempotencyRecord').objects.exclude(principal__in=('anonymous', 'web:')).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('debates', '0006_idempotency_workspace'),
    ]

    operations = [
        migrations.RunPython(give_workspaces, migrations.RunPython.noop),
    ]
