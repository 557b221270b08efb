from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mailing.models import Alarm, OutgoingMail
from mailing.services import release_mail
from surveys.models import Reason
from surveys.selectors import held_without_date


class Command(BaseCommand):
    help = (
        "Let mail and webhooks go out again that are held since a backup was restored. Says first how many customers "
        "may have been asked since the backup was taken, and how they are to be treated has to be said with it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--leave-them", action="store_true", help="their survey becomes an uncertain mail, which staff may send"
        )
        choice.add_argument("--ask-them", action="store_true", help="they are asked, some of them perhaps twice")

    def handle(self, *args: Any, **options: Any) -> None:
        held = Alarm.objects.holding().first()
        if held is None:
            self.stdout.write("No mail is held.")
            return
        is_said = options["leave_them"] or options["ask_them"]
        if self.tell(held) and not is_said:
            raise CommandError("Mail is still held. Say --leave-them or --ask-them.")
        release_mail(asks_again=options["ask_them"])
        self.stdout.write("Mail goes out again.")

    def tell(self, held: Alarm) -> bool:
        """What was lost, and how many it concerns; whether it concerns anybody who is still to be asked."""
        if held.lost_since is None:
            return False
        lost = f"{held.lost_since:%Y-%m-%d %H:%M} and {held.began_at:%Y-%m-%d %H:%M} UTC"
        self.stdout.write(f"Nobody here knows who was written to between {lost}.")
        mails = OutgoingMail.objects.filter(state=OutgoingMail.State.UNCERTAIN, reason=OutgoingMail.Reason.RESTORED)
        self.stdout.write(f"{mails.count()} mails were due by then and are uncertain: staff may send each of them.")
        waiting = held_without_date(since=held.lost_since)
        for reason, count in sorted(waiting.items()):
            self.stdout.write(f"{count} customers waited then without a date: {Reason(reason).label}.")
        if waiting:
            self.stdout.write("Those for whom that ended before the restore have perhaps been asked.")
        return bool(waiting)
