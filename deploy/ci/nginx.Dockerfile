# Debian's nginx; the official image reads /etc/nginx/conf.d/*.conf too.
ARG BASE
FROM ${BASE}
RUN rm -f /etc/nginx/sites-enabled/default && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
STOPSIGNAL SIGQUIT
EXPOSE 80
ENTRYPOINT ["nginx"]
CMD ["-g", "daemon off;"]
