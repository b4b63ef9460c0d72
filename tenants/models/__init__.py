"""The shared schema: customers, the people who log in, their keys, and rows on their way to other stores."""

from tenants.models.activity import Activity, ActivityHead, ActorKind, Verb
from tenants.models.api_key import ApiKey
from tenants.models.attempt_count import AttemptCount
from tenants.models.invitation import Invitation
from tenants.models.limits import TenantLimits, TenantUsage
from tenants.models.membership import Membership
from tenants.models.outbox import Outbox
from tenants.models.record import Record
from tenants.models.session import Session
from tenants.models.support_access import SupportAccess
from tenants.models.tenant import Domain, Tenant
from tenants.models.tenant_switch import TenantSwitch
from tenants.models.token_family import TokenFamily
from tenants.models.user import User

__all__ = [
    "Activity",
    "ActivityHead",
    "ActorKind",
    "ApiKey",
    "AttemptCount",
    "Domain",
    "Invitation",
    "Membership",
    "Outbox",
    "Record",
    "Session",
    "SupportAccess",
    "Tenant",
    "TenantLimits",
    "TenantSwitch",
    "TenantUsage",
    "TokenFamily",
    "User",
    "Verb",
]
