"""What the portal's pages show: findings as rows and sentences, ready for their templates. Pure: no database."""

from dashboards.pages.actions import write_action, write_actions
from dashboards.pages.attention import write_advice, write_care
from dashboards.pages.cases import write_cases
from dashboards.pages.comparison import write_comparison, write_falls
from dashboards.pages.conversations import write_topic_evidence
from dashboards.pages.digest import write_digest
from dashboards.pages.drivers import write_effects
from dashboards.pages.halves import write_halves
from dashboards.pages.home import write_home
from dashboards.pages.links import address_of, write_links, write_places
from dashboards.pages.loyalty import write_loyalty, write_worth
from dashboards.pages.opinions import write_opinions
from dashboards.pages.overview import write_overview, write_risks
from dashboards.pages.programme import write_field, write_programme, write_rivalry
from dashboards.pages.reputation import write_reputation, write_testimonials
from dashboards.pages.sales import write_sales
from dashboards.pages.weights import write_priorities, write_weights
from dashboards.pages.why import write_sale_row, write_why

__all__ = [
    "address_of",
    "write_action",
    "write_actions",
    "write_advice",
    "write_care",
    "write_cases",
    "write_comparison",
    "write_digest",
    "write_effects",
    "write_falls",
    "write_field",
    "write_halves",
    "write_home",
    "write_links",
    "write_loyalty",
    "write_opinions",
    "write_overview",
    "write_places",
    "write_priorities",
    "write_programme",
    "write_reputation",
    "write_risks",
    "write_rivalry",
    "write_sale_row",
    "write_sales",
    "write_testimonials",
    "write_topic_evidence",
    "write_weights",
    "write_why",
    "write_worth",
]
