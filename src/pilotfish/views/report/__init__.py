"""The report of a run: report.json for machines, report.html and a terminal table for people."""

from pilotfish.views.report.metrics import WeightedSample
from pilotfish.views.report.schema import Report
from pilotfish.views.report.table import LiveView, live_table, summary_table
from pilotfish.views.report.write import decode_report, write_report

__all__ = ["LiveView", "Report", "WeightedSample", "decode_report", "live_table", "summary_table", "write_report"]
