// The admin API's document; requests that are tried out go to the same host.
SwaggerUIBundle({
  dom_id: '#docs',
  urls: [
    {name: 'Diglot admin', url: '/admin/v1/openapi.yaml'},
  ],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: 'StandaloneLayout',
  deepLinking: true,
  validatorUrl: null, // which is on another host
});
