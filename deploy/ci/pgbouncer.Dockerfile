# Debian's PgBouncer, which takes its settings' file as its command.
ARG BASE
FROM ${BASE}
USER postgres
EXPOSE 6432
ENTRYPOINT ["pgbouncer"]
CMD ["/etc/pgbouncer/pgbouncer.ini"]
