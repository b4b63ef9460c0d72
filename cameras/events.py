"""The signals of this app."""

from django.dispatch import Signal

camera_wanted = Signal()
"""A camera's desired state or source changed, or the camera is gone. Sent on commit, with `camera_id` and
`site_id`."""

camera_switching_on = Signal()
"""A camera is being switched on, with `camera` and `force`; inside the transaction, before it is saved.

A receiver raises `cameras.actions.SourceTaken` where the source belongs to another camera.
"""
