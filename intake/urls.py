from django.urls import path

from intake import views

urlpatterns = [
    path("", views.not_set_up, name="not_set_up"),
    path("<str:token>/", views.set_up, name="set_up"),
]
