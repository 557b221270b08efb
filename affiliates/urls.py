from django.urls import path

from affiliates import views

app_name = "affiliates"
urlpatterns = [
    path("r/<str:code>", views.follow_link, name="follow_link"),
    path("i/<str:code>", views.follow_recommendation, name="follow_recommendation"),
    path("affiliates/apply/<slug:brand>/", views.apply, name="apply"),
    path("affiliates/apply/<slug:brand>/thanks/", views.applied, name="applied"),
    path("affiliates/join/<str:token>/", views.join, name="join"),
    path("staff/join/<str:token>/", views.join_staff, name="join_staff"),
]
