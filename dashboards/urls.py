from django.urls import URLPattern, URLResolver, include, path

from dashboards.views import (
    actions,
    cases,
    comparison,
    conversations,
    drivers,
    heard,
    home,
    links,
    loyalty,
    notifications,
    people,
    programme,
    report,
    reputation,
    sales,
    webhooks,
)

app_name = "dashboards"

# Everybody's own at /portal/…; of one among several, or for staff, at /portal/affiliates/<brand>/<code>/…
pages: list[URLPattern] = [
    path("", home.home, name="home"),
    path("drivers/", drivers.drivers, name="drivers"),
    path("opinions/", home.opinions, name="opinions"),
    path("opinions/<str:mark>/", home.report_opinion, name="report_opinion"),
    path("heard/", heard.heard, name="heard"),
    path("heard/<uuid:heard>/forget/", heard.forget, name="forget_heard"),
    path("reputation/", reputation.reputation, name="reputation"),
    path("comparison/", comparison.comparison, name="comparison"),
    path("links/", links.links, name="links"),
    path("links/new/", links.new_link, name="new_link"),
    path("links/<str:link>/edit/", links.link, name="link"),
    path("links/<str:link>/sub-ids/", links.sub_ids, name="sub_ids"),
    path("links/<str:link>/running/", links.run_link, name="run_link"),
    path("links/<str:link>/qr.svg", links.link_code, name="link_code"),
    path("sales/", sales.sales, name="sales"),
    path("sales/claims/", sales.claims, name="claims"),
    path("sales/claims/<str:mark>/", sales.claim, name="claim"),
    path("sales/<str:day>/<str:mark>/", sales.sale, name="sale"),
    path("customers/", loyalty.customers, name="customers"),
    path("customers.csv", loyalty.customers_export, name="customers_export"),
    path("actions/", actions.actions, name="actions"),
    path("actions/new/", actions.new_action, name="new_action"),
    path("actions/<uuid:action>/", actions.action, name="action"),
    path("actions/<uuid:action>/edit/", actions.edit, name="edit_action"),
    path("actions/<uuid:action>/close/", actions.close, name="close_action"),
    path("conversations/", conversations.conversations, name="conversations"),
    path("conversations/<str:kind>/<str:key>/", conversations.conversation, name="conversation"),
    path("people/", people.people, name="people"),
    path("people/role/", people.change_person, name="change_person"),
    path("people/remove/", people.remove_person, name="remove_person"),
    path("people/withdraw/", people.take_back_invitation, name="withdraw_invitation"),
    path("report/", report.report, name="report"),
    path("tour/", home.put_tour_away, name="close_tour"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("webhook/", webhooks.webhook, name="webhook"),
    path("webhook/change/", webhooks.change_webhook, name="change_webhook"),
    path("insights.csv", home.export, name="export"),
    path("terms/", home.terms, name="terms"),
]

# For everybody, at /o/…, as "reputation:page".
public_pages: list[URLPattern] = [
    path("<str:token>/", reputation.public_page, name="page"),
    path("<str:token>/embed/", reputation.embedded_page, name="frame"),
    path("<str:token>/badge.svg", reputation.badge, name="badge"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *pages,
    path("affiliates/<slug:brand>/<str:code>/", include(pages)),
    path("brands/<slug:brand>/", programme.overview_of_brand, name="overview_of_brand"),
    path("brands/<slug:brand>/drivers/", drivers.drivers_of_brand, name="drivers_of_brand"),
    path("brands/<slug:brand>/drivers/<str:code>/", drivers.drivers_of_affiliate, name="drivers_of_affiliate"),
    path("brands/<slug:brand>/customers/", loyalty.customers_of_brand, name="customers_of_brand"),
    path("brands/<slug:brand>/customers.csv", loyalty.customers_of_brand_export, name="customers_of_brand_export"),
    path("brands/<slug:brand>/customers/<str:code>/", loyalty.customers_of_affiliate, name="customers_of_affiliate"),
    path("brands/<slug:brand>/cases/", cases.cases_of_brand, name="cases_of_brand"),
    path("brands/<slug:brand>/cases.csv", cases.cases_of_brand_export, name="cases_of_brand_export"),
    path("brands/<slug:brand>/affiliates/", programme.affiliates_compared, name="affiliates_compared"),
    path("brands/<slug:brand>/targets/", programme.targets_of_brand, name="targets_of_brand"),
    path("brands/<slug:brand>/alternatives/", programme.alternatives_of_brand, name="alternatives_of_brand"),
]
