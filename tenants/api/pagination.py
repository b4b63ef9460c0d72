"""Cursor pagination: pages stay right while rows arrive."""

from rest_framework.pagination import CursorPagination


class TimePagination(CursorPagination):
    """Newest first by `created_at`; `?page_size=` up to 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = ("-created_at", "id")
