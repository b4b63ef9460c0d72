"""The shared schema: customers, the people who log in, and rows on their way to other stores."""

from tenants.models.activity import Activity, ActivityHead, ActorKind, Verb
from tenants.models.hand_over import HandOver
from tenants.models.membership import Membership
from tenants.models.outbox import Outbox
from tenants.models.record import Record
from tenants.models.session import Session
from tenants.models.support_access import SupportAccess
from tenants.models.tenant import Domain, Tenant
from tenants.models.user import User

__all__ = [
    "Activity",
    "ActivityHead",
    "ActorKind",
    "Domain",
    "HandOver",
    "Membership",
    "Outbox",
    "Record",
    "Session",
    "SupportAccess",
    "Tenant",
    "User",
    "Verb",
]
