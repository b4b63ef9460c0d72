"""The addresses of the pages about members, keys, settings and support access."""

from django.urls import path

from tenants.pages import invitations, members, support, tenant_switch

urlpatterns = [
    path("members/", members.member_list, name="members"),
    path("members/<uuid:membership_id>/", members.member, name="member"),
    path("members/<uuid:membership_id>/remove/", members.remove, name="remove_member"),
    path("members/invitations/<uuid:invitation_id>/again/", members.again, name="invite_again"),
    path("members/invitations/<uuid:invitation_id>/withdraw/", members.withdrawn, name="withdraw_invitation"),
    path("invitation/", invitations.invitation, name="invitation"),
    path("invitation/<str:secret>/", invitations.follow, name="follow_invitation"),
    path("support/", support.support_list, name="support"),
    path("support/<uuid:support_id>/revoke/", support.revoke, name="revoke_support"),
    path("switch/", tenant_switch.switch, name="switch"),
    path("switch/arrive/", tenant_switch.arrive, name="switch_arrive"),
]
