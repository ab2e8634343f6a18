from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('debates', '0007_workspaces_of_owners'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='debate',
            constraint=models.CheckConstraint(condition=models.Q(('owner__isnull', True), ('workspace__isnull', False), _connector='OR'), name='debate_owned_has_workspace'),
        ),
    ]
