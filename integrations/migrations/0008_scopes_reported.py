"""Whether a provider said which scopes it gave."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [
        ("integrations", "0007_preflight"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="scopes_reported",
            field=models.BooleanField(default=True),
        ),
    ]
