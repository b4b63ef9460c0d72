"""Pages about visits and the people who make them."""

from django.urls import path

from visits.pages import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("live/visits/", views.live_visits, name="live_visits"),
    path("visits/", views.visit_list, name="visits"),
    path("sightings/", views.sighting_list, name="sightings"),
    path("visitors/", views.visitor_list, name="visitors"),
    path("visitors/merges/", views.merge_list, name="merges"),
    path("visitors/merges/history/", views.merge_history, name="merge_history"),
    path("visitors/merges/<uuid:proposal_id>/accept/", views.accept_merge, name="accept_merge"),
    path("visitors/merges/<uuid:proposal_id>/reject/", views.reject_merge, name="reject_merge"),
    path("visitors/merges/history/<uuid:merge_id>/undo/", views.undo, name="undo_merge"),
    path("people/visitors/<uuid:visitor_id>/", views.visitor, name="visitor"),
    path("people/visitors/<uuid:visitor_id>/forget/", views.forget_visitor, name="forget_visitor"),
    path("people/rejections/<uuid:rejection_id>/withdraw/", views.withdraw, name="withdraw_rejection"),
    path("people/staff/<uuid:member_id>/forget/", views.forget_staff, name="forget_staff"),
    path("people/staff/<uuid:member_id>/", views.staff_person, name="staff_person"),
    path(
        "people/staff/<uuid:member_id>/pictures/<uuid:face_image_id>/confirm/",
        views.confirm_picture,
        name="confirm_picture",
    ),
]
