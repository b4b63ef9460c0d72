"""HTTP and WebSockets in one ASGI application, served by Daphne."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  after Django is set up
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path  # noqa: E402

from tenants.web.channels import TenantFromHost  # noqa: E402
from tenants.web.crowds import TakeTurns  # noqa: E402
from tenants.web.disconnects import LimitStatements  # noqa: E402
from tenants.web.origins import SameOrigin  # noqa: E402
from visits.pages.consumers import LiveConsumer  # noqa: E402

websocket = SameOrigin(
    TenantFromHost(CookieMiddleware(URLRouter([path("ws/live/", LiveConsumer.as_asgi())])))
)
application = TakeTurns(LimitStatements(ProtocolTypeRouter({"http": http, "websocket": websocket})))
