"""The activity log: who did what, on which object, from where and why, in a chain that shows tampering."""

from django.db import models
from django.db.models import Q


class Verb(models.TextChoices):
    CREATED = "created", "created"
    UPDATED = "updated", "changed"
    DELETED = "deleted", "deleted"
    TRUNCATED = "truncated", "emptied the table of"
    ROLE_CHANGED = "role_changed", "changed the role of"
    LOGGED_IN = "logged_in", "logged in"
    LOGGED_OUT = "logged_out", "logged out"
    LOGIN_FAILED = "login_failed", "failed to log in"
    LOCKED_OUT = "locked_out", "was locked out"
    CREDENTIAL_ISSUED = "credential_issued", "was given a credential"
    CREDENTIAL_REVOKED = "credential_revoked", "revoked a credential"
    CREDENTIAL_REFUSED = "credential_refused", "used a credential that was refused"
    PERMISSION_DENIED = "permission_denied", "was not allowed"
    NOT_FOUND = "not_found", "requested something that does not exist, or without access to it"
    FACE_SEARCH = "face_search", "searched by face"
    EXPORTED = "exported", "exported"
    ERASED = "erased", "erased"


class ActorKind(models.TextChoices):
    USER = "user", "person"
    KEY = "key", "API key"
    WORKER = "worker", "worker"
    COMMAND = "command", "command"
    ANONYMOUS = "nobody", "not logged in"
    DATABASE = "database", "database login"


class Activity(models.Model):
    """One line of the log, written by PostgreSQL itself (`tenants.audit.sql`) and never changed.

    `tenant` is None in the installation's own log. A line is sealed when its transaction commits: it gets
    the next `number` of its tenant's chain and `hash`, the SHA-256 of `prev_hash` and of all that it says.
    No foreign key holds it: a line outlives the rows that it tells of.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(
        "tenants.Tenant", models.DO_NOTHING, null=True, editable=False, db_constraint=False, related_name="+"
    )
    number = models.BigIntegerField(null=True, editable=False)
    at = models.DateTimeField(editable=False)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices, editable=False)
    actor_id = models.CharField(max_length=64, blank=True, editable=False)
    actor_label = models.CharField("who", max_length=254, blank=True, editable=False)
    address = models.CharField(max_length=45, blank=True, editable=False)
    request = models.CharField(max_length=64, blank=True, editable=False)
    """The id of the HTTP request, which its answer carries as X-Request-ID."""
    database_role = models.CharField(max_length=63, editable=False)
    """The login that wrote the line: another one than the application's has typed SQL."""
    verb = models.CharField(max_length=30, choices=Verb.choices, editable=False)
    object_kind = models.CharField(max_length=60, blank=True, editable=False)
    object_id = models.CharField(max_length=64, blank=True, editable=False)
    object_label = models.CharField("what", max_length=254, blank=True, editable=False)
    changes = models.JSONField(default=dict, editable=False)
    """Field to `{"old": …, "new": …}`; `{"changed": true}` where the value is confidential."""
    reason = models.CharField(max_length=300, blank=True, editable=False)
    prev_hash = models.BinaryField(max_length=32, null=True)
    hash = models.BinaryField(max_length=32, null=True)

    class Meta:
        verbose_name = "activity"
        verbose_name_plural = "activity"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="activity_number_once"),
            models.UniqueConstraint(
                fields=["number"], condition=Q(tenant=None), name="activity_number_once_installation"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "at"], name="activity_by_time"),
            models.Index(fields=["tenant", "object_kind", "object_id"], name="activity_by_object"),
            models.Index(fields=["id"], condition=Q(number=None), name="activity_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.actor_label} {self.get_verb_display()} {self.object_label}".strip()


class ActivityHead(models.Model):
    """Where a chain ends: a log whose last lines were cut off no longer fits its head.

    `chain` is the tenant's id, or zero for the installation.
    """

    chain = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(
        "tenants.Tenant", models.DO_NOTHING, null=True, editable=False, db_constraint=False, related_name="+"
    )
    number = models.BigIntegerField(editable=False)
    hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.tenant_id or 'installation'}: {self.number}"
