"""What became of a job, on one page: for who finds it in the morning.

store ─▶ gathering.py ─▶ facts.py ─▶ svg_plots.py, page.py ─▶ report.html
                            └──────▶ --json
"""
