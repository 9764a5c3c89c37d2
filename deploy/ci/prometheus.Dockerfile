# Debian's Prometheus, started as the official image's is.
ARG BASE
FROM ${BASE}
RUN mkdir -p /prometheus && chown nobody /prometheus
USER nobody
WORKDIR /prometheus
EXPOSE 9090
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
