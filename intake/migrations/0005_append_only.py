"""History to which rows are only added, in the apps below: accounts_refuse_change() says no (accounts/append_only.py)."""

from django.db import migrations

# What holds words of customers goes with them, by the door of erasure; reports of mail also with the mail's time.
TABLES = {
    "affiliates_affiliateevent": "",
    "complaints_complaintevent": "'erasure'",
    "mailing_mailevent": "'erasure', 'retention'",
    "surveys_responserevision": "'erasure'",
}
REFUSE = """
CREATE TRIGGER {table}_never_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
EXECUTE FUNCTION accounts_refuse_change({doors});
"""
LET = "DROP TRIGGER {table}_never_changes ON {table};"


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0004_erasures"),
        ("accounts", "0009_audit"),
        ("affiliates", "0012_blocked_and_erased"),
        ("complaints", "0010_incoming_mail"),
        ("mailing", "0012_webhooks_out"),
        ("surveys", "0011_kept_for"),
    ]

    operations = [
        migrations.RunSQL(REFUSE.format(table=table, doors=doors), LET.format(table=table))
        for table, doors in TABLES.items()
    ]
