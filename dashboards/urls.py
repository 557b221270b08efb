from django.urls import URLPattern, URLResolver, include, path

from dashboards import views

app_name = "dashboards"

# Everybody's own at /portal/…; of one among several, or for staff, at /portal/affiliates/<brand>/<code>/…
pages: list[URLPattern] = [
    path("", views.home, name="home"),
    path("opinions/", views.opinions, name="opinions"),
    path("links/", views.links, name="links"),
    path("links/new/", views.new_link, name="new_link"),
    path("links/<str:link>/edit/", views.link, name="link"),
    path("links/<str:link>/sub-ids/", views.sub_ids, name="sub_ids"),
    path("links/<str:link>/running/", views.run_link, name="run_link"),
    path("links/<str:link>/qr.svg", views.link_code, name="link_code"),
    path("sales/", views.sales, name="sales"),
    path("sales/claims/", views.claims, name="claims"),
    path("insights.csv", views.export, name="export"),
    path("terms/", views.terms, name="terms"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *pages,
    path("affiliates/<slug:brand>/<str:code>/", include(pages)),
]
