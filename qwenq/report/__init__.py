"""A job's report: counts, failures, costs, plots and samples, on one page or as JSON.

store ─▶ gathering.py ─▶ facts.py ─▶ svg_plots.py, page.py ─▶ report.html
                            └──────▶ --json
"""
