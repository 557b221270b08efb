"""Who is behind a session, and whether a password is theirs."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User


class EmailBackend(ModelBackend):
    """Django's own, alone: each try costs one hash, whether or not there is such an account, and open or closed."""

    def get_user(self, user_id: Any) -> User | None:
        """With what every page asks of them, so that asking costs no statement more."""
        user = User.objects.with_duties().filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
