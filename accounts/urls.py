from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.glossary, name="glossary"),
    path("privacy/", views.privacy, name="privacy"),
    path("accounts/second-factor/", views.second_factor, name="second_factor"),
    path("accounts/profile/", views.profile, name="profile"),
    # Before allauth's own at these two addresses.
    path("accounts/sessions/", views.sessions, name="sessions"),
    path("accounts/email/", views.email, name="email"),
    path("accounts/sessions/end/", views.end_session, name="end_session"),
    path("accounts/email/confirm/<str:token>/", views.confirm_email, name="confirm_email"),
    path("language/", views.set_language, name="set_language"),
    path("brand/<slug:slug>.css", views.brand_css, name="brand_css"),
]
