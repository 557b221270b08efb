"""Where on its way a mail can be caught by the death of its worker."""

# Before or after which step of mailing.services it dies: the five points between which a mail can be caught.
POINTS = {
    "before the claim": ("claiming", "claim_batch", "before"),
    "after the claim": ("claiming", "claim_batch", "after"),
    "after the promise": ("sending", "hand_over", "after"),
    "after the server's answer": ("sending", "record", "before"),
    "after the record": ("sending", "record", "after"),
}
WAITS = ("sending", "hand_over", "before")
