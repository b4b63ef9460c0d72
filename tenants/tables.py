"""The tables of tenants, and of libraries.

For each: what a tenant may do with them, and what the activity log says of them.
"""

from tenants.audit.tracked_models import TrackedModel, UntrackedModel, fields
from tenants.isolation.policies import CLOSED, READ_ONLY, TENANT, Rule, by_tenant, by_user
from tenants.models import Verb

ISOLATION: dict[str, Rule] = {
    "account.emailaddress": by_user("SELECT"),  # allauth looks into it; addresses are in tenants.user
    "account.emailconfirmation": CLOSED,
    "admin.logentry": CLOSED,  # each tenant has its own in its schema; this one is the installation's
    "auth.group": CLOSED,
    "auth.group_permissions": CLOSED,
    "auth.permission": READ_ONLY,
    "axes.accessattempt": CLOSED,  # failures are counted in tenants.attemptcount
    "axes.accessattemptexpiration": CLOSED,
    "axes.accessfailurelog": CLOSED,
    "axes.accesslog": CLOSED,
    "contenttypes.contenttype": READ_ONLY,
    "mfa.authenticator": by_user(),
    "tenants.activity": by_tenant("SELECT", kept="SELECT"),  # written by functions of the owner's only
    "tenants.activityhead": by_tenant("SELECT", kept="SELECT"),
    "tenants.apikey": by_tenant("SELECT, INSERT, UPDATE"),
    "tenants.attemptcount": by_tenant(),
    "tenants.domain": by_tenant("SELECT"),
    "tenants.tenantswitch": by_tenant("SELECT, UPDATE"),  # made by the installation, used up by the tenant
    "tenants.invitation": by_tenant("SELECT, INSERT, UPDATE"),
    # Made by the installation alone, for who accepts an invitation: no tenant takes a member by itself.
    "tenants.membership": by_tenant("SELECT, UPDATE (role, sites), DELETE"),
    "tenants.outbox": by_tenant("SELECT, INSERT, DELETE"),
    "tenants.session": by_tenant(),
    # Only a tenant grants access, and no role deletes the record of it.
    "tenants.supportaccess": by_tenant("SELECT, INSERT, UPDATE", kept="SELECT"),
    # What a tenant decides itself. Which private networks it may use is for the installation to say.
    "tenants.tenant": Rule("SELECT, UPDATE (second_factor_required, visitors_shared)", f"id = {TENANT}"),
    "tenants.tenantlimits": by_tenant("SELECT"),  # the operator says how much a customer may have
    "tenants.tenantusage": by_tenant("SELECT, INSERT, UPDATE"),
    "tenants.tokenfamily": by_tenant("SELECT, INSERT, UPDATE"),
    "tenants.user": Rule(
        "SELECT, UPDATE",
        "EXISTS (SELECT 1 FROM public.tenants_membership m WHERE m.user_id = tenants_user.id)"
        " OR EXISTS (SELECT 1 FROM public.tenants_supportaccess s WHERE s.user_id = tenants_user.id)",
    ),
    "tenants.user_groups": CLOSED,
    "tenants.user_user_permissions": CLOSED,
}

AUDIT: dict[str, TrackedModel | UntrackedModel] = {
    "account.emailaddress": TrackedModel(("email",)),
    "account.emailconfirmation": UntrackedModel("links that wait for a click; addresses are watched"),
    "admin.logentry": UntrackedModel("Django's own log, which this one replaces"),
    "auth.group": TrackedModel(("name",)),
    "auth.group_permissions": TrackedModel(("group.name", "permission.codename")),
    "auth.permission": UntrackedModel("made by migrations"),
    "axes.accessattempt": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accessattemptexpiration": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accessfailurelog": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accesslog": UntrackedModel("logging in and out are noted themselves"),
    "contenttypes.contenttype": UntrackedModel("made by migrations"),
    "mfa.authenticator": TrackedModel(("user.email", "type"), ignores=fields("last_used_at")),
    "tenants.session": UntrackedModel("logging in and out are noted themselves"),
    "tenants.activity": UntrackedModel("the log itself"),
    "tenants.activityhead": UntrackedModel("the log itself"),
    "tenants.apikey": TrackedModel(("name", "prefix"), ignores=fields("last_used_at")),
    "tenants.attemptcount": UntrackedModel("counts of attempts, which are noted themselves"),
    "tenants.domain": TrackedModel(("domain",)),
    "tenants.tenantswitch": UntrackedModel("a switch that takes seconds; logging in there is noted"),
    "tenants.invitation": TrackedModel(("email",), ignores=fields("sent_at mails digest")),
    "tenants.membership": TrackedModel(("user.email",), verbs={"role": Verb.ROLE_CHANGED}),
    "tenants.outbox": UntrackedModel("work on its way, which follows from changes that are logged"),
    "tenants.supportaccess": TrackedModel(("user.email",)),
    "tenants.tenant": TrackedModel(("name",)),
    "tenants.tenantlimits": TrackedModel(("tenant.name",)),
    "tenants.tenantusage": UntrackedModel("a sum that follows the pictures it counts"),
    "tenants.tokenfamily": UntrackedModel("tokens begin and end by the minute; logging in and out are noted"),
    "tenants.user": TrackedModel(("email",), ignores=fields("last_login")),
    "tenants.user_groups": TrackedModel(("user.email", "group.name")),
    "tenants.user_user_permissions": TrackedModel(("user.email", "permission.codename")),
}
