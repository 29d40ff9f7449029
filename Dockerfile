# The check on a CPU. docs/running.md has the commands.
FROM python:3.13-slim
ENV HOME=/tmp
WORKDIR /suite
COPY requirements/suite.txt .
RUN pip install --no-cache-dir -r suite.txt && mkdir -m 1777 /reports
COPY . .
USER 65534
ENTRYPOINT ["pytest", "suite/", "--report-dir", "/reports"]
