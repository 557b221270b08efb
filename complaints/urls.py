from django.urls import path

from complaints import views

app_name = "complaints"

urlpatterns = [
    path("s/<str:token>/thanks/", views.thanks, name="thanks"),
    path("s/<str:token>/report/", views.report, name="report"),
    path("s/<str:token>/reported/", views.reported, name="reported"),
    path("c/<str:token>/", views.case, name="case"),
    path("c/<str:token>/files/<uuid:uuid>/", views.case_file, name="file"),
    path("help/<slug:brand>/", views.help_page, name="help"),
    path("help/<slug:brand>/<slug:slug>/", views.guide, name="guide"),
]
