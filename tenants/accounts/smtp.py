"""Mail over SMTP as Django sends it, without a database connection: a mail server may take seconds."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from facetrack.core.waiting import give_back


class EmailBackend(smtp.EmailBackend):
    """Raises OSError where the server does not take a mail, as Django's own does."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        give_back()
        return super().send_messages(email_messages) or 0
