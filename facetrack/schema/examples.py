"""Examples of bodies, and what the statuses of problems mean."""

from typing import Any

_SITE = "6f1b4a52-0d55-4c5c-8a3c-1a2b3c4d5e6f"

EXAMPLES: dict[str, Any] = {
    "LoginRequest": {"email": "ada@example.com", "password": "a long pass phrase"},
    "ExchangeRequest": {"key": "ft_<prefix>_<secret>"},
    "SiteRequest": {"name": "Head office", "time_zone": "Europe/Berlin", "networks": ["192.168.1.0/24"]},
    "PatchedSiteRequest": {"reentry_seconds": 600},
    "CameraRequest": {
        "site": _SITE,
        "name": "Front door",
        "kind": "rtsp",
        "location": "rtsp://192.168.1.20/stream1",
        "username": "viewer",
        "password": "of the camera",
    },
    "PatchedCameraRequest": {"enabled": True},
    "StaffMemberRequest": {"name": "Ada Lovelace", "employee_number": "1815", "department": "Research"},
    "PatchedStaffMemberRequest": {"active": False},
    "PatchedVisitorRequest": {"name": "Charles Babbage", "note": "Comes on Mondays."},
    "InvitationRequest": {"email": "grace@example.com", "role": "site_manager", "sites": [_SITE]},
    "KeyRequest": {"name": "Door display", "role": "viewer", "scopes": ["read"], "days": 90},
    "RotationRequest": {"overlap_hours": 24},
    "Problem": {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Some values were refused; `faults` says which and why.",
        "code": "invalid",
        "faults": [{"pointer": "/name", "code": "required", "detail": "This field is required."}],
        "errors": {"name": ["This field is required."]},
    },
}

DONE = {
    "200": "It was done; here is the answer.",
    "201": "It was created; here it is.",
    "202": "It is accepted and will be done.",
    "204": "It was done; there is nothing to tell.",
}

PROBLEM = {
    "400": "The request itself is wrong: `faults` lists what is, each with a pointer or a parameter.",
    "401": "The token, key or password is missing or wrong.",
    "403": "You may not do this; for a key, the detail names the scope that it lacks.",
    "404": "There is no such thing, or you may not see it.",
    "409": "The request is right but cannot be met as things are now.",
    "410": "Another process has this worker's name now.",
    "411": "The body came without a Content-Length.",
    "412": "`If-Match` names another version of the object; of a worker: its lease has expired.",
    "413": "The body is too large.",
    "415": "The body has another media type.",
    "422": "The values cannot be stored.",
    "429": "Too many requests, or too many wrong logins.",
    "503": "A part of the installation is busy or away: send the request again.",
}
