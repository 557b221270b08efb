from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import postventa.views as views
from affiliates.api import api_urlpatterns as affiliates_api
from complaints.api import api_urlpatterns as complaints_api
from dashboards.urls import public_pages
from insights.api import api_urlpatterns as insights_api
from intake.api import api_urlpatterns as intake_api
from mailing.api import api_urlpatterns as mailing_api
from postventa.operations import operations
from surveys.api import api_urlpatterns as surveys_api

api_urlpatterns: list[URLPattern | URLResolver] = [
    *intake_api,
    *affiliates_api,
    *surveys_api,
    *complaints_api,
    *insights_api,
    *mailing_api,
    path("schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    # Tried one after another: what buyers ask for comes first.
    path("", include("affiliates.urls")),
    path("", include("surveys.urls")),
    path("", include("accounts.urls")),
    path("", include("mailing.urls")),
    path("", include("complaints.urls")),
    path("portal/", include("dashboards.urls")),
    path("o/", include((public_pages, "reputation"))),
    path("setup/", include("intake.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/operations/", admin.site.admin_view(operations), name="operations"),
    path("admin/", admin.site.urls),
    path("api/v1/", include((api_urlpatterns, "api"))),
    path("api/docs/", login_not_required(SpectacularSwaggerSplitView.as_view(url_name="api:schema")), name="api-docs"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]

handler400 = "accounts.views.bad_request"
handler403 = "accounts.views.permission_denied"
handler404 = "accounts.views.page_not_found"
handler500 = "accounts.views.server_error"
