"""The tables of workers: what a tenant may do with them, and what the activity log says of them."""

from tenants.audit.tracked_models import TrackedModel, UntrackedModel
from tenants.isolation.policies import READ_ONLY, Rule, by_tenant

ISOLATION: dict[str, Rule] = {
    "workers.cameralease": by_tenant(),
    "workers.deviceassignment": by_tenant("SELECT"),  # the operator gives devices to customers
    "workers.leasegrant": by_tenant("SELECT, INSERT"),
    "workers.worker": READ_ONLY,  # the installation's own processes; nothing of a tenant is in it
}

AUDIT: dict[str, TrackedModel | UntrackedModel] = {
    "workers.cameralease": UntrackedModel("follows from switching cameras, which is logged"),
    "workers.deviceassignment": TrackedModel(("host", "device")),
    "workers.leasegrant": UntrackedModel("a log of its own, of who ran which camera"),
    "workers.worker": UntrackedModel("what processes say of themselves every few seconds"),
}
