"""Pictures: ``python -m reports.pictures.NAME JOB.json PICTURE``, a job in, an SVG or PNG out (the suffix decides).

A worker room: it loads matplotlib, and nothing outside imports it. A module is a function from the job's content to a
figure, and ``style.main`` of it; its docstring says what the job holds.
"""
