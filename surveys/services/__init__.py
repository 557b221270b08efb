"""What happens when. Planning decides, sending hands to the mail ledger, answering takes what comes back."""

from surveys.services.holding import hold_purchase, lift_hold, pause_asking, resume_asking
from surveys.services.planning import plan_invitations
from surveys.services.sending import send_due_invitations, send_due_reminders
from surveys.services.trials import remove_test_surveys

__all__ = [
    "hold_purchase",
    "lift_hold",
    "pause_asking",
    "plan_invitations",
    "remove_test_surveys",
    "resume_asking",
    "send_due_invitations",
    "send_due_reminders",
]
