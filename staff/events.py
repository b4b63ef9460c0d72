"""Signals that the apps above receive."""

from django.dispatch import Signal

staff_member_leaving = Signal()
"""A staff member is about to be deleted with all related rows. Sent inside the transaction, with
`staff_member_id`, before a lock is taken: a receiver may take its own. `deletion` is an ExitStack: what a
receiver puts there runs at the end of the transaction."""

staff_member_left = Signal()
"""The row of a staff member is deleted, the related rows are not yet. Sent inside the transaction, with
`staff_member_id`: what a receiver deletes now belongs to the line of the person in the activity log."""

face_image_added = Signal()
"""A picture is waiting to be examined. Sent with `face_image_id`."""
