"""Formats visits and people for pages: times, durations, pictures, scores."""

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cameras.models import Site
from cameras.queries import zone_of
from staff.models import StaffMember
from staff.rules import is_shown
from tenants.access.rights import granted
from visits.models import Visit
from visits.queries import shot_url, small_shot_url

register = template.Library()


@register.simple_tag
def moment(at: datetime | None, site: Site | None = None) -> SafeString | str:
    """A `<time>` in the site's time zone: the time of day, and the date if it is not today.

    If its time differs from the installation's own, the zone is named, and the date is always shown.
    """
    if at is None:
        return "never"
    zone = zone_of(site)
    elsewhere = at.astimezone(zone).utcoffset() != timezone.localtime(at).utcoffset()
    local, today = at.astimezone(zone), timezone.now().astimezone(zone).date()
    day = {today: "", today - timedelta(days=1): "yesterday "}.get(local.date())
    if day is None or elsewhere:
        day = date_format(local, "j M " if local.year == today.year else "j M Y ")
    return format_html(
        '<time datetime="{}" title="{}">{}{}{}</time>',
        at.isoformat(),
        f"{date_format(local, 'l j F Y, H:i:s')} {local.tzname()}",
        day,
        date_format(local, "H:i"),
        format_html(" <small>{}</small>", local.tzname()) if elsewhere else "",
    )


@register.simple_tag
def ago(at: datetime | None) -> SafeString | str:
    """A `<time>` that shows how long ago `at` was, in the largest unit."""
    if at is None:
        return "never"
    seconds = (timezone.now() - at).total_seconds()
    words = "now" if seconds < 10 else f"{_span(seconds)} ago"
    exactly = date_format(timezone.localtime(at), "j M Y, H:i:s")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exactly, words)


@register.filter
def stay(visit: Visit) -> str:
    """How long the person was seen there."""
    return _span((visit.last_seen_at - visit.started_at).total_seconds())


@register.filter
def is_shown_to(member: StaffMember, request: HttpRequest) -> bool:
    """Whether the user may open the staff member's page."""
    return is_shown(member.sites, granted(request).sites)


@register.filter
def score(similarity: float) -> str:
    return f"{similarity:.2f}"


@register.filter
def shot(key: str) -> str:
    """A short-lived URL of the picture."""
    return shot_url(key)


@register.filter
def small_shot(key: str) -> str:
    """A short-lived URL of its small copy, for lists."""
    return small_shot_url(key)


@register.filter
def shot_name(key: str) -> str:
    """Identifies a picture in an element's id; its URL changes with time."""
    return PurePosixPath(key).stem


def _span(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if minutes < 1:
        return f"{seconds:.0f} s"
    if hours < 1:
        return f"{minutes:.0f} min"
    if days < 1:
        return f"{int(hours)} h {int(minutes % 60)} min" if minutes % 60 >= 1 else f"{int(hours)} h"
    return f"{int(days)} d"
