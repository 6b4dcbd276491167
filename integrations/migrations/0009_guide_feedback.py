"""An index for what people say about a guide."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = [
        ("integrations", "0008_scopes_reported"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("action", "guide.feedback")),
                fields=["object_id", "at"],
                name="audit_guide_feedback",
            ),
        ),
    ]
