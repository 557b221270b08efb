import datetime

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("purchases", "Purchases"), ("feedback", "Answers"), ("complaints", "Cases")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("file_name", models.CharField(max_length=250, verbose_name="file")),
                ("file_hash", models.CharField(max_length=64, verbose_name="file (hash)")),
                ("rows_done", models.PositiveIntegerField(default=0, verbose_name="rows done")),
                ("imported", models.PositiveIntegerField(default=0, verbose_name="imported")),
                ("updated", models.PositiveIntegerField(default=0, verbose_name="updated")),
                ("duplicate", models.PositiveIntegerField(default=0, verbose_name="duplicate")),
                ("rejected", models.PositiveIntegerField(default=0, verbose_name="rejected")),
                ("started_at", models.DateTimeField(auto_now_add=True, verbose_name="started at")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imports",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
            options={
                "verbose_name": "import",
                "verbose_name_plural": "imports",
                "ordering": ["-started_at"],
            },
        ),
        migrations.CreateModel(
            name="Hook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("shopify", "Shopify"),
                            ("woocommerce", "WooCommerce"),
                            ("stripe", "Stripe"),
                            ("postback", "Postback"),
                        ],
                        max_length=15,
                        verbose_name="source",
                    ),
                ),
                ("sealed_secret", models.BinaryField(max_length=2000, verbose_name="secret (sealed)")),
                (
                    "sealed_previous",
                    models.BinaryField(blank=True, max_length=2000, null=True, verbose_name="secret before (sealed)"),
                ),
                ("changed_at", models.DateTimeField(blank=True, null=True, verbose_name="secret changed at")),
                (
                    "expected_every",
                    models.DurationField(
                        blank=True,
                        default=datetime.timedelta(days=1),
                        help_text="Longer without anything is shown as silence. Empty: never.",
                        null=True,
                        verbose_name="something comes at least every",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hooks",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
            options={
                "verbose_name": "incoming hook",
                "verbose_name_plural": "incoming hooks",
                "ordering": ["brand", "source"],
                "constraints": [
                    models.UniqueConstraint(fields=("brand", "source"), name="hook_once"),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["shopify", "woocommerce", "stripe", "postback"])),
                        name="hook_source_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expected_every__isnull", True),
                            ("expected_every__gt", datetime.timedelta(0)),
                            _connector="OR",
                        ),
                        name="hook_expects_some_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=255, verbose_name="key")),
                ("request_hash", models.BinaryField(max_length=32, verbose_name="request (hash)")),
                ("status", models.PositiveSmallIntegerField(verbose_name="status")),
                ("body", models.JSONField(verbose_name="answer")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.apikey",
                        verbose_name="API key",
                    ),
                ),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
            options={
                "verbose_name": "idempotency key",
                "verbose_name_plural": "idempotency keys",
                "indexes": [models.Index(fields=["created_at"], name="idempotencykey_age")],
                "constraints": [models.UniqueConstraint(fields=("brand", "key"), name="idempotencykey_once")],
            },
        ),
        migrations.CreateModel(
            name="InboundEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("shopify", "Shopify"),
                            ("woocommerce", "WooCommerce"),
                            ("stripe", "Stripe"),
                            ("postback", "Postback"),
                            ("mail", "Mail provider"),
                        ],
                        max_length=15,
                        verbose_name="source",
                    ),
                ),
                ("event_id", models.CharField(max_length=200, verbose_name="event")),
                ("kind", models.CharField(blank=True, max_length=80, verbose_name="kind")),
                ("body", models.BinaryField(verbose_name="body")),
                ("order_id", models.CharField(blank=True, max_length=120, verbose_name="order")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("ignored", "Ignored"),
                            ("failed", "Failed"),
                        ],
                        default="received",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("waiting_for_purchase", "Its purchase has not come yet"),
                            ("unknown_topic", "About something we have no use for"),
                            ("not_paid", "Not paid yet"),
                            ("nothing_new", "Says nothing we could use"),
                            ("sample", "A sample that the shop sends to try the hook"),
                            ("differs", "Differs from what is stored, which stands"),
                            ("incomplete", "Taken without what could not be read"),
                            ("invalid", "Cannot be recorded as it is"),
                            ("fault", "A fault of ours"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                ("error", models.TextField(blank=True, verbose_name="details")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="tries")),
                ("received_at", models.DateTimeField(auto_now_add=True, verbose_name="received at")),
                ("try_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="next try at")),
                ("processed_at", models.DateTimeField(blank=True, null=True, verbose_name="processed at")),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
            options={
                "verbose_name": "inbound event",
                "verbose_name_plural": "inbound events",
                "indexes": [
                    models.Index(
                        condition=models.Q(("processed_at__isnull", True)),
                        fields=["try_at", "id"],
                        name="inbound_unprocessed",
                    ),
                    models.Index(
                        condition=models.Q(("order_id", ""), _negated=True),
                        fields=["brand", "order_id"],
                        name="inbound_order",
                    ),
                    models.Index(fields=["brand", "source", "-received_at"], name="inbound_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("brand", "source", "event_id"), name="inbound_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("processed_at__isnull", True), ("state__in", ["received", "waiting"])),
                            models.Q(("processed_at__isnull", False), ("state__in", ["done", "ignored", "failed"])),
                            _connector="OR",
                        ),
                        name="inbound_state_says_whether_processed",
                    ),
                ],
            },
        ),
    ]
