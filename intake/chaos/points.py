"""Where on its way a mail can be caught by the death of its worker."""

# Before or after which step of mailing.services.sending it dies: the five points between which a mail can be caught.
POINTS = {
    "before the claim": ("claim_batch", "before"),
    "after the claim": ("claim_batch", "after"),
    "after the promise": ("hand_over", "after"),
    "after the server's answer": ("record", "before"),
    "after the record": ("record", "after"),
}
WAITS = ("hand_over", "before")
