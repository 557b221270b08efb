from django.urls import path

from affiliates import views

app_name = "affiliates"
urlpatterns = [
    path("r/<str:code>", views.follow_link, name="follow_link"),
    path("i/<str:code>", views.follow_recommendation, name="follow_recommendation"),
]
