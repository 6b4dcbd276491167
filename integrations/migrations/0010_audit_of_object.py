"""An index for what happened with one connection or app."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = [
        ("integrations", "0009_guide_feedback"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(
                    models.Q(("action", "connection.refreshed"), _negated=True),
                    models.Q(("action", "connection.refresh_failed"), _negated=True),
                ),
                fields=["project", "object_id", "sequence"],
                name="audit_of_object",
            ),
        ),
    ]
