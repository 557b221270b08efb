"""Charts as SVG made on the server: dataclasses in, safe markup out.

Every place and tick is computed here, so that it can be tested; every colour is a class of static/css/charts.css, as
the page's policy allows no style in the markup. A chart is drawn 340 units wide, a phone's width, and scales. What it
shows stands beside it in a table, which is the page's to write.
"""

from dashboards.charts.boards import Bar, Tone, Whisker, bars_in_order, dot_and_whisker
from dashboards.charts.canvas import NPS, PERCENT, Axis, Caption, Reference
from dashboards.charts.hours import Moment, over_hours
from dashboards.charts.plots import FIELD_NAMES, Driver, FunnelPoint, funnel_plot, importance_performance
from dashboards.charts.trends import TrendPoint, line_with_band, sparkline

__all__ = [
    "FIELD_NAMES",
    "NPS",
    "PERCENT",
    "Axis",
    "Bar",
    "Caption",
    "Driver",
    "FunnelPoint",
    "Moment",
    "Reference",
    "Tone",
    "TrendPoint",
    "Whisker",
    "bars_in_order",
    "dot_and_whisker",
    "funnel_plot",
    "importance_performance",
    "line_with_band",
    "over_hours",
    "sparkline",
]
