# The studio on a processor: docker build -t impasto . && docker run --rm -p 127.0.0.1:8517:8517 impasto
#
# It listens to the whole network inside its container, so it has a password: the one of IMPASTO_PASSWORD, or one
# that is made at the start and shown in the log. It was written where there was no container engine to build it.
FROM python:3.12-slim

RUN useradd --create-home impasto
WORKDIR /home/impasto/source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src ./src
RUN pip install --no-cache-dir --constraint constraints.txt '.[studio,heic,video]'

USER impasto
WORKDIR /home/impasto
EXPOSE 8517
ENV PYTHONUNBUFFERED=1
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8517/health')"]
CMD ["sh", "-c", "umask 077; \
printf '%s\n' \"${IMPASTO_PASSWORD:-$(python -c 'import secrets; print(secrets.token_urlsafe(12))')}\" > password; \
echo \"password: $(cat password)\"; \
exec impasto studio --no-open --host 0.0.0.0 --port 8517 --password-file password"]
