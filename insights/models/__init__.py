"""What the answers mean: counts by day for staff, frozen blocks for affiliates, and what is done about them."""

from insights.models.actions import Action
from insights.models.alerts import Alert, Standing
from insights.models.attention import Attention
from insights.models.blocks import Block, PublishedCount, Quote, ShownCount
from insights.models.cases import CaseCount, CountedCase, Took
from insights.models.contribution import Cohort, Contribution
from insights.models.drivers import AffiliateWord, Circumstance, Measurement, TellingWord, Weighing
from insights.models.findings import Finding
from insights.models.heard import HeardFeedback
from insights.models.messages import FindingMessage
from insights.models.preferences import Preference
from insights.models.quality import QualityVerdict, Verdict
from insights.models.reports import QuoteReport
from insights.models.reputation import PublicPage
from insights.models.rollups import CountedResponse, MonthlyAnswers, Rollup
from insights.models.sales import SalesCount
from insights.models.targets import BrandFigure, Figure, Target

__all__ = [
    "Action",
    "AffiliateWord",
    "Alert",
    "Attention",
    "Block",
    "BrandFigure",
    "CaseCount",
    "Circumstance",
    "Cohort",
    "Contribution",
    "CountedCase",
    "CountedResponse",
    "Figure",
    "Finding",
    "FindingMessage",
    "HeardFeedback",
    "Measurement",
    "MonthlyAnswers",
    "Preference",
    "PublicPage",
    "PublishedCount",
    "QualityVerdict",
    "Quote",
    "QuoteReport",
    "Rollup",
    "SalesCount",
    "ShownCount",
    "Standing",
    "Target",
    "TellingWord",
    "Took",
    "Verdict",
    "Weighing",
]
