// The selector's documents; requests that are tried out go to the same host.
SwaggerUIBundle({
  dom_id: '#docs',
  urls: [
    {name: 'Refold, legacy', url: '/openapi/refold.yaml'},
    {name: 'Refold, v3', url: '/openapi/refold-v3.yaml'},
    {name: 'CometChat', url: '/openapi/cometchat.yaml'},
  ],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: 'StandaloneLayout',
  deepLinking: true,
  showExtensions: true, // where each status is known from
  validatorUrl: null, // which is on another host
});
