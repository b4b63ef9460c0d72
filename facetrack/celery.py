"""The Celery application: every task carries its tenant in the header (see tenants.tasks)."""

import os

from tenant_schemas_celery.app import CeleryApp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")

app = CeleryApp("facetrack", task_cls="tenants.tasks:TenantTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
