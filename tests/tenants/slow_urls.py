"""A customer's host, with two addresses whose statement takes as long as one says."""

from django.core.cache import cache
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response

from facetrack import urls
from facetrack.urls import handler400, handler403, handler404, handler500
from tenants.rest.views import ApiView

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def sleep(seconds: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(seconds)])


@csrf_exempt
def slow(request: HttpRequest) -> HttpResponse:
    """Says in the cache that it came to its end, with the method of the request."""
    for seconds in request.GET.getlist("seconds"):
        try:
            sleep(seconds)
        except OperationalError:
            if "stubborn" not in request.GET:
                raise
    cache.set(f"slow.{request.method}", "done")
    return HttpResponse("done")


class SlowView(ApiView):
    permission_classes = ()

    def get(self, request: Request) -> Response:
        sleep(request.query_params["seconds"])
        return Response("done")


urlpatterns = [path("slow/", slow), path("api/v1/slow/", SlowView.as_view()), *urls.urlpatterns]
