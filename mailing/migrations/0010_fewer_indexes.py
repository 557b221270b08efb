from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mailing", "0009_index_what_waits_by_brand")]

    operations = [
        # Django makes these beside every unique text, for LIKE 'abc%': nobody asks so, and each of the three states
        # that a mail passes through writes them anew.
        migrations.RunSQL(
            "DROP INDEX IF EXISTS mailing_outgoingmail_dedupe_key_38b46adf_like",
            "CREATE INDEX mailing_outgoingmail_dedupe_key_38b46adf_like"
            " ON mailing_outgoingmail (dedupe_key varchar_pattern_ops)",
        ),
        migrations.RunSQL(
            "DROP INDEX IF EXISTS mailing_outgoingmail_message_id_f367320b_like",
            "CREATE INDEX mailing_outgoingmail_message_id_f367320b_like"
            " ON mailing_outgoingmail (message_id varchar_pattern_ops)",
        ),
    ]
