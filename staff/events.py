"""Signals that the apps above receive."""

from django.dispatch import Signal

staff_member_leaving = Signal()
"""A staff member is about to be deleted with all related rows. Sent inside the transaction, with
`staff_member_id`: after the deletion the related rows can no longer be found."""

face_image_added = Signal()
"""A picture is waiting to be examined. Sent with `face_image_id`."""
