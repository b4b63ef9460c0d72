"""A line of the activity log in words: "Ada deleted visitor 12", and what changed from what to what."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps

from tenants.models import Activity, ActorKind, Verb


@dataclass(frozen=True, slots=True)
class Change:
    """One field; `old` and `new` are None where the log does not keep the value."""

    field: str
    old: str | None
    new: str | None


def who(line: Activity) -> str:
    if line.actor_kind == ActorKind.ANONYMOUS:
        return "Someone"
    label = line.actor_label or line.actor_id or "unknown"
    return label if line.actor_kind == ActorKind.USER else f"{line.get_actor_kind_display()} {label}"


def what(line: Activity) -> str:
    """The object of the sentence; empty where there is none."""
    kind = kind_name(line.object_kind)
    label = line.object_label or (f"{line.object_id[:8]}…" if line.object_id else "")
    return f"{kind} {label}".strip()


def sentence(line: Activity) -> str:
    verb = line.get_verb_display()
    if line.verb == Verb.ROLE_CHANGED:
        return f"{who(line)} {verb} {line.object_label}"
    if line.verb in (Verb.LOGIN_FAILED, Verb.LOCKED_OUT):
        return f"{who(line)} {verb}" + (f" as {line.object_label}" if line.object_label else "")
    thing = what(line)
    return (
        f"{who(line)} {verb}"
        + (f": {thing}" if thing and not _takes_object(line.verb) else f" {thing}").rstrip()
    )


def changes(line: Activity) -> list[Change]:
    """What changed, field by field; for a new or deleted row what it held."""
    return [_change(field, value) for field, value in sorted(line.changes.items())]


def kind_name(kind: str) -> str:
    """The verbose name of the model with this label; for one that is gone, the end of the label."""
    try:
        return str(apps.get_model(kind)._meta.verbose_name)
    except (LookupError, ValueError):
        return kind.rpartition(".")[2].replace("_", " ")


def _change(field: str, value: Any) -> Change:
    name = field.removesuffix("_id").replace("_", " ")
    if not isinstance(value, dict):
        return Change(name, "", str(value))
    if value.get("changed"):
        return Change(name, None, None)
    return Change(name, _said(value.get("old")), _said(value.get("new")))


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    return str(value)


def _takes_object(verb: str) -> bool:
    return verb in (Verb.CREATED, Verb.UPDATED, Verb.DELETED, Verb.TRUNCATED, Verb.EXPORTED, Verb.ERASED)
