from django.urls import URLPattern, path

from mailing import views

app_name = "mailing"
urlpatterns: list[URLPattern] = [
    path("u/<str:token>/", views.unsubscribe_page, name="unsubscribe"),
    # Without the last slash, too: RFC 8058 forbids the redirect that would add it.
    path("u/<str:token>", views.unsubscribe_page),
]
