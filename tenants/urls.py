"""Pages about who may do what in a tenant."""

from django.urls import path

from tenants.pages import members, support, switching

urlpatterns = [
    path("members/", members.member_list, name="members"),
    path("members/<uuid:membership_id>/", members.member, name="member"),
    path("members/<uuid:membership_id>/remove/", members.remove, name="remove_member"),
    path("support/", support.support_list, name="support"),
    path("support/<uuid:support_id>/revoke/", support.revoke, name="revoke_support"),
    path("switch/", switching.switch, name="switch"),
    path("switch/arrive/", switching.arrive, name="switch_arrive"),
]
