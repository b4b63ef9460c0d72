from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "visits"
    verbose_name = "Visits"

    def ready(self) -> None:
        from cameras.events import camera_wanted
        from staff.events import staff_member_leaving, staff_member_left
        from tenants.audit.tracked_models import track
        from tenants.events import visitors_shared
        from visits.actions import compare_anew, forget_rejections_of_staff, forget_shots_of_staff
        from visits.live_events import record_camera_event
        from visits.tables import AUDIT

        track(AUDIT)
        camera_wanted.connect(record_camera_event, dispatch_uid="visits.tell_of_camera")
        staff_member_leaving.connect(forget_shots_of_staff, dispatch_uid="visits.forget_shots")
        staff_member_left.connect(forget_rejections_of_staff, dispatch_uid="visits.forget_rejections")
        visitors_shared.connect(compare_anew, dispatch_uid="visits.compare_anew")
