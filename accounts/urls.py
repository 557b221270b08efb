from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.glossary, name="glossary"),
    path("privacy/", views.privacy, name="privacy"),
    path("accounts/second-factor/", views.second_factor, name="second_factor"),
    path("language/", views.set_language, name="set_language"),
    path("brand/<slug:slug>.css", views.brand_css, name="brand_css"),
]
